"""What build.py refuses and leaves out; test_page.py tests what it builds."""

import json
import os
import pathlib
import runpy
import struct

import pytest

_WEB = pathlib.Path(__file__).parents[2] / "export" / "web"


@pytest.fixture
def tflite_file(tmp_path):
    """Writes the least of a TFLite file: inputs with shapes, nothing else."""

    def write(name, *shapes):
        path = tmp_path / name
        path.write_bytes(_flatbuffer(shapes))
        return path

    return write


def _flatbuffer(shapes) -> bytes:
    """Writes the tables of schema.fbs by hand, from the end to the start."""
    import flatbuffers

    builder = flatbuffers.Builder(0)

    def numbers(values):
        builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            builder.PrependInt32(value)
        return builder.EndVector()

    def table(num_fields, **fields):
        builder.StartObject(num_fields)
        for field, offset in fields.items():
            builder.PrependUOffsetTRelativeSlot(int(field[1:]), offset, 0)
        return builder.EndObject()

    def tables(offsets):
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()

    tensors = []
    for shape in shapes:
        # As the converter does: 1 for what is free, and -1 in the signature.
        fields = {"_0": numbers([max(size, 1) for size in shape])}
        if min(shape) < 0:
            fields["_7"] = numbers(shape)
        tensors.append(table(8, **fields))
    subgraph = table(
        2, _0=tables(tensors), _1=numbers(list(range(len(shapes))))
    )
    builder.Finish(table(3, _2=tables([subgraph])), b"TFL3")
    return bytes(builder.Output())


def test_a_file_that_is_none_is_named(build, tmp_path, tflite_file):
    text = tmp_path / "text.tflite"
    text.write_text("not a network")
    for path, reason in (
        (text, "is not a TFLite file"),
        (tmp_path / "nowhere.tflite", "No such file"),
        (tflite_file("flat.tflite", [1, 10]), "does not take one RGB picture"),
    ):
        process = build(path, f"--output_dir={tmp_path / 'built'}")
        assert process.returncode == 1
        (line,) = process.stderr.splitlines()
        assert line.startswith("error: ")
        assert path.name in line and reason in line
    assert not (tmp_path / "built").exists()


def test_damaged_files_are_refused_or_read_right(tflite_file):
    content = tflite_file("whole.tflite", [1, 8, 9, 3]).read_bytes()
    shapes = runpy.run_path(_WEB / "tflite_inputs.py")["read_shapes"]
    assert shapes(content) == [[1, 8, 9, 3]]
    for length in range(len(content)):
        try:
            # What is behind the end may be what was not needed.
            assert shapes(content[:length]) == [[1, 8, 9, 3]]
        except ValueError as error:
            assert "TFLite file" in str(error)
    damaged = content[:8] + struct.pack("<I", 2**31) + content[12:]
    try:
        shapes(damaged)
    except ValueError as error:
        assert "TFLite file" in str(error)


def test_files_for_any_size_are_left_out(build, tmp_path, tflite_file):
    path = tflite_file("any.tflite", [1, -1, -1, 3])
    process = build(path, f"--output_dir={tmp_path / 'built'}")
    assert process.returncode == 1
    assert f"left out {path}" in process.stdout
    assert "none of these networks" in process.stderr


def test_two_files_of_one_name_are_refused(build, tmp_path, tflite_file):
    path = tflite_file("same.tflite", [1, 8, 8, 3])
    process = build(path, path, f"--output_dir={tmp_path / 'built'}")
    assert "two files are called same.tflite" in process.stderr


def test_another_litert_is_refused(build, tmp_path, tflite_file):
    (tmp_path / "downloads").mkdir()
    for name in ("core-2.5.3.tgz", "wasm-utils-2.5.3.tgz"):
        (tmp_path / "downloads" / name).write_bytes(b"something else")
    process = build(
        tflite_file("one.tflite", [1, 8, 8, 3]),
        f"--output_dir={tmp_path / 'built'}",
        f"--downloads={tmp_path / 'downloads'}",
    )
    assert process.returncode == 1
    assert "core-2.5.3.tgz is not what it was" in process.stderr
    assert not (tmp_path / "built").exists()


def test_without_a_network_it_says_what_to_do(
    build, tmp_path, tflite_file, monkeypatch
):
    # Nothing listens at port 9.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    process = build(
        tflite_file("one.tflite", [1, 8, 8, 3]),
        f"--output_dir={tmp_path / 'built'}",
        f"--downloads={tmp_path / 'downloads'}",
    )
    assert process.returncode == 1
    (line,) = process.stderr.splitlines()
    assert "cannot be fetched" in line
    # All that is missing, not the first alone.
    assert "/core-2.5.3.tgz" in line and "/wasm-utils-2.5.3.tgz" in line
    assert f"put what is there into {tmp_path / 'downloads'}" in line


def test_what_others_wrote_is_not_replaced(build, tmp_path, tflite_file):
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    process = build(
        tflite_file("one.tflite", [1, 8, 8, 3]), f"--output_dir={folder}"
    )
    _skip_without_litert(process)
    assert process.returncode == 1
    assert "was not written by this script" in process.stderr
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_building_again_replaces(build, tmp_path, tflite_file):
    version = tmp_path / "pair" / "tflite" / "1"
    version.mkdir(parents=True)
    contract = tmp_path / "pair" / "1" / "assets.extra" / "contract.json"
    contract.parent.mkdir(parents=True)
    contract.write_text(json.dumps({"style_names": ["ink", "mosaic"]}))
    folder = tmp_path / "site" / "built"
    one = tflite_file("one.tflite", [1, 8, 8, 3])
    pair = tflite_file("pair/tflite/1/pair.tflite", [1, 8, 9, 3], [1, 2])
    for path in (one, pair):
        process = build(path, f"--output_dir={folder}")
        _skip_without_litert(process)
        assert process.returncode == 0, process.stderr
    (entry,) = json.loads((folder / "networks.json").read_text())
    assert entry == {
        "name": "pair",
        "file": "networks/pair.tflite",
        "height": 8,
        "width": 9,
        "bytes": pair.stat().st_size,
        "style_names": ["ink", "mosaic"],
    }
    assert [path.name for path in (folder / "networks").iterdir()] == [
        "pair.tflite"
    ]
    # Nothing temporary stays behind, and others may read it.
    assert [path.name for path in folder.parent.iterdir()] == ["built"]
    assert os.stat(folder).st_mode & 0o555 == 0o555


def test_given_names_are_taken_if_they_are_as_many(
    build, tmp_path, tflite_file
):
    folder = tmp_path / "built"
    process = build(
        tflite_file("one.tflite", [1, 8, 8, 3]),
        tflite_file("pair.tflite", [1, 8, 8, 3], [1, 2]),
        "--style_names=ink, mosaic",
        f"--output_dir={folder}",
    )
    _skip_without_litert(process)
    entries = json.loads((folder / "networks.json").read_text())
    assert [entry["style_names"] for entry in entries] == [
        [],
        ["ink", "mosaic"],
    ]


def _skip_without_litert(process) -> None:
    if "cannot be fetched" in process.stderr:
        pytest.skip(process.stderr.strip())
