"""A collection on disk: shards are there whole or not at all."""

import pytest
import tensorflow as tf

from fastnst.inference import collection

_SETTINGS = {"network": "abc"}


def test_every_file_is_in_one_shard():
    sources = [f"{number:02}" for number in range(10)]
    shards = collection.cut(sources, 4)
    assert [len(shard.sources) for shard in shards] == [4, 4, 2]
    assert [name for shard in shards for name in shard.sources] == sources
    assert shards[2].name == "stylized-00002-of-00003"


def test_files_are_found_sorted_and_once(tmp_path):
    for name in ("b.jpg", "a.jpg", "c.png"):
        (tmp_path / name).write_text("")
    (tmp_path / "d.jpg").mkdir()
    found = collection.find([f"{tmp_path}/*.jpg", f"{tmp_path}/a*"])
    assert found == [str(tmp_path / name) for name in ("a.jpg", "b.jpg")]
    with pytest.raises(ValueError, match="No file"):
        collection.find([f"{tmp_path}/*.webp"])


def test_a_shard_that_fails_leaves_nothing(tmp_path):
    (shard,) = collection.cut(["a"], 1)
    output = collection.Output(str(tmp_path / "out"))
    output.open(["a"], _SETTINGS)

    def pictures():
        yield b"one"
        raise OSError("the disk is gone")

    before = sorted((tmp_path / "out").iterdir())
    with pytest.raises(OSError, match="gone"):
        output.write(shard, pictures())
    assert sorted((tmp_path / "out").iterdir()) == before
    assert output.report(shard) is None


def test_a_shard_is_done_when_its_report_is_there(tmp_path):
    (shard,) = collection.cut(["a"], 1)
    output = collection.Output(str(tmp_path))
    output.open(["a"], _SETTINGS)
    output.write(shard, iter([b"one", b"two"]))
    assert output.report(shard) is None
    skipped = ({"name": "b", "reason": "it is empty"},)
    output.finish(shard, collection.Report(2, 30, skipped))
    again = collection.Output(str(tmp_path))
    again.open(["a"], _SETTINGS)
    assert again.report(shard) == collection.Report(2, 30, skipped)
    records = tf.data.TFRecordDataset(str(tmp_path / f"{shard.name}.tfrecord"))
    assert [record.numpy() for record in records] == [b"one", b"two"]


def test_what_a_kill_left_is_removed(tmp_path):
    left = tmp_path / ".unfinished-abc"
    left.write_bytes(b"half")
    collection.Output(str(tmp_path)).open(["a"], _SETTINGS)
    assert not left.exists()


@pytest.mark.parametrize(
    "sources, settings, said",
    [
        (["a", "b"], _SETTINGS, "input"),
        (["b"], _SETTINGS, "input"),
        (["a"], {"network": "other"}, "network is abc. Received: other"),
    ],
)
def test_another_collection_is_refused(tmp_path, sources, settings, said):
    collection.Output(str(tmp_path)).open(["a"], _SETTINGS)
    with pytest.raises(ValueError, match=said):
        collection.Output(str(tmp_path)).open(sources, settings)


def test_reports_add_up():
    one = collection.Report(1, 10, ({"name": "a"},))
    two = collection.Report(2, 30, ({"name": "b"},))
    assert one + two == collection.Report(3, 40, ({"name": "a"}, {"name": "b"}))
