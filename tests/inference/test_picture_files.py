"""Output names are decided and refused before any work; bad files do not stop.

The transforms here are plain functions: no network is needed.
"""

import os
import pathlib

from PIL import Image
import numpy as np
import pytest
import tensorflow as tf

from fastnst.data import image_files
from fastnst.inference import picture_files


def _darker(rgb):
    return rgb // 2


def _twice(rgb):
    return rgb.repeat(2, axis=0).repeat(2, axis=1)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory: photos/a.png, photos/inner/a.png, b.jpg, c.gif."""
    monkeypatch.chdir(tmp_path)
    for name in ("photos/a.png", "photos/inner/a.png", "b.jpg", "c.gif"):
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        _write(name, 40)
    return tmp_path


def _write(name, value, size=(5, 4)):
    Image.new("RGB", size, (value, value, value)).save(name)


def _targets(inputs, output, **options):
    jobs = picture_files.plan(inputs, output, **options)
    return [str(job.target) for job in jobs]


def _run(jobs, transform=_darker, **options):
    return list(picture_files.transform_files(transform, jobs, **options))


def test_a_file_or_a_folder(folder):
    assert _targets(["b.jpg"], "x.png") == ["x.png"]
    assert _targets(["b.jpg"], "deep/er/x.webp") == ["deep/er/x.webp"]
    assert _targets(["b.jpg"], "new/") == ["new/b.jpg"]
    assert _targets(["b.jpg"], "photos") == ["photos/b.jpg"]
    assert _targets(["b.jpg", "photos/a.png"], "new") == [
        "new/b.jpg",
        "new/a.png",
    ]
    assert _targets(["photos"], "new") == ["new/a.png", "new/inner/a.png"]
    assert _targets(["photos/../photos"], "new") == [
        "new/a.png",
        "new/inner/a.png",
    ]


def test_a_format_that_is_only_read_becomes_png(folder):
    assert _targets(["c.gif"], "new/") == ["new/c.png"]
    with pytest.raises(ValueError, match=".webp.*Received: 'x.gif'"):
        _targets(["b.jpg"], "x.gif")
    with pytest.raises(ValueError, match="Received: 'x'"):
        _targets(["b.jpg"], "x")


@pytest.mark.parametrize("inputs", [["b.jpg", "c.gif"], ["photos"]])
def test_several_results_do_not_go_into_a_file(folder, inputs):
    for output in ("new.jpg", "b.jpg"):
        with pytest.raises(ValueError, match="must be a folder"):
            _targets(inputs, output, overwrite=True)
    assert not pathlib.Path("new.jpg").exists()


def test_an_empty_folder_and_empty_arguments_are_refused(folder):
    pathlib.Path("empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no pictures"):
        _targets(["b.jpg", "empty"], "new/")
    with pytest.raises(ValueError, match="must be given"):
        _targets([], "new/")
    with pytest.raises(ValueError, match="must be given"):
        _targets(["b.jpg"], "")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        (["b.jpg"], "b.jpg"),
        (["b.jpg"], "./photos/../b.jpg"),
        (["b.jpg"], "."),
        (["photos"], "photos"),
        (["b.jpg"], "symbolic.jpg"),
        (["symbolic.jpg"], "b.jpg"),
        (["b.jpg"], "hard.jpg"),
        (["hard.jpg"], "symbolic.jpg"),
        # The output of one is another input.
        (["photos/inner/a.png", "photos/a.png"], "photos"),
    ],
)
def test_an_input_is_never_overwritten(folder, inputs, output, overwrite):
    os.symlink("b.jpg", "symbolic.jpg")
    os.link("b.jpg", "hard.jpg")
    with pytest.raises(ValueError, match="An input would be overwritten"):
        _targets(inputs, output, overwrite=overwrite)


def test_existing_outputs_are_refused_before_any_work(folder):
    _write("done.png", 1)
    with pytest.raises(ValueError, match="exist already: done.png"):
        _targets(["b.jpg"], "done.png")
    assert _targets(["b.jpg"], "done.png", overwrite=True) == ["done.png"]
    for number in range(5):
        _write(f"{number}.png", 1)
    pathlib.Path("new").mkdir()
    names = [f"{number}.png" for number in range(5)]
    for name in names:
        _write(f"new/{name}", 2)
    with pytest.raises(ValueError, match="new/2.png and 2 more"):
        _targets(names, "new")


def test_two_inputs_of_one_name(folder):
    inputs = ["photos/a.png", "photos/inner/a.png"]
    _write(inputs[1], 200)
    with pytest.raises(ValueError, match="photos/inner/a.png would both"):
        picture_files.plan(inputs, "new/")
    jobs = picture_files.plan(inputs, "new/", overwrite=True)
    _run(jobs, overwrite=True)
    # The later wins.
    assert image_files.read_image("new/a.png").rgb.max() == 100


def test_different_suffixes_that_become_one_name_are_refused(folder):
    _write("c.png", 3)
    with pytest.raises(ValueError, match="c.gif and c.png would both"):
        picture_files.plan(["c.gif", "c.png"], "new/")


def test_a_file_given_twice_is_one_job(folder):
    inputs = ["photos", "photos/a.png", "b.jpg", "./b.jpg"]
    assert _targets(inputs, "new") == [
        "new/a.png",
        "new/inner/a.png",
        "new/b.jpg",
    ]


def test_earlier_results_inside_an_input_folder_are_no_inputs(folder):
    first = picture_files.plan(["photos"], "photos/out")
    _run(first)
    again = picture_files.plan(["photos"], "photos/out", overwrite=True)
    assert again == first


def test_a_bad_file_is_named_and_the_others_are_done(folder):
    pathlib.Path("torn.jpg").write_bytes(
        pathlib.Path("b.jpg").read_bytes()[:200]
    )
    pathlib.Path("text.png").write_text("no picture")
    pathlib.Path("empty.png").touch()
    names = ["torn.jpg", "lost.png", "text.png", "empty.png", "b.jpg"]
    *bad, good = _run(picture_files.plan(names, "new/"))
    for name, outcome in zip(names, bad):
        line = str(outcome)
        assert line.startswith(f"skipped {name}: ")
        assert "\n" not in line
        # Named once, but for the system's own text.
        assert line.count(name) == (2 if name == "lost.png" else 1)
    assert not good.error
    assert str(good).startswith("b.jpg -> new/b.jpg  5x4  0.")
    assert [path.name for path in pathlib.Path("new").iterdir()] == ["b.jpg"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"),
    ],
)
def test_too_large_a_picture_does_not_stop_the_others(folder, error):
    _write("large.png", 3, size=(9, 9))

    def transform(rgb):
        if rgb.shape[0] == 9:
            raise error
        return rgb

    jobs = picture_files.plan(["large.png", "b.jpg"], "new/")
    large, small = _run(jobs, transform)
    assert "not enough memory" in str(large)
    assert not small.error


def test_a_bug_is_not_hidden(folder):
    def transform(rgb):
        raise TypeError("bug")

    with pytest.raises(TypeError):
        _run(picture_files.plan(["b.jpg"], "new/"), transform)


def test_a_file_that_appears_meanwhile_is_kept(folder):
    jobs = picture_files.plan(["b.jpg"], "x.png")
    _write("x.png", 7)
    (outcome,) = _run(jobs)
    assert "exists" in outcome.error
    assert image_files.read_image("x.png").rgb.max() == 7


def test_an_output_folder_that_cannot_be_made_is_an_error_per_file(folder):
    (outcome,) = _run(picture_files.plan(["c.gif"], "b.jpg/x.png"))
    assert "b.jpg" in outcome.error


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_alpha_is_kept_and_enlarged(folder, suffix):
    alpha = np.arange(0, 240, 12, dtype=np.uint8).reshape(4, 5)
    rgb = np.full([4, 5, 3], 90, np.uint8)
    Image.fromarray(np.dstack([rgb, alpha])).save("clear.png")
    (same,) = _run(picture_files.plan(["clear.png"], f"x.{suffix}"))
    assert same.target_size == (4, 5)
    kept = image_files.read_image(f"x.{suffix}").alpha
    np.testing.assert_array_equal(kept, alpha)
    (large,) = _run(picture_files.plan(["clear.png"], f"y.{suffix}"), _twice)
    assert "  5x4 -> 10x8  " in str(large)
    kept = image_files.read_image(f"y.{suffix}").alpha
    assert kept.shape == (8, 10)
    # The means of the four quarters of each pixel, within bicubic's swing.
    blocks = kept.reshape(4, 2, 5, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(blocks, alpha, atol=12)


def test_quality_reaches_the_file(folder):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    Image.fromarray(noise.astype(np.uint8)).save("noise.png")
    sizes = []
    for quality in (20, 95):
        jobs = picture_files.plan(["noise.png"], f"{quality}.jpg")
        _run(jobs, quality=quality)
        sizes.append(pathlib.Path(f"{quality}.jpg").stat().st_size)
    assert sizes[0] < sizes[1] / 2
