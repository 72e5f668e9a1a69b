"""A stream of content images can be continued anywhere, whatever is in it."""

import io
import subprocess
import sys
import time

from PIL import Image
from absl import logging
import numpy as np
import pytest

from fastnst.data import content_images as content
from fastnst.data import content_loader


def _write(folder, name, height=40, width=60, color=None, seed=0):
    """Writes a PNG; `color` fills it, else noise does."""
    folder.mkdir(parents=True, exist_ok=True)
    if color is None:
        rng = np.random.default_rng(seed)
        pixels = rng.integers(0, 256, [height, width, 3], np.uint8)
    else:
        pixels = np.full([height, width, 3], color, np.uint8)
    Image.fromarray(pixels).save(folder / name)


def _photos(folder, number=7):
    for index in range(number):
        _write(folder, f"{index}.png", 40 + index, 60 - index, seed=index)
    return str(folder)


def _spoil(folder):
    """Adds every kind of file that cannot be used; returns their names."""
    folder.mkdir(exist_ok=True)
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("not a picture")
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, [64, 64, 3], np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    (folder / "cut.jpg").write_bytes(buffer.getvalue()[:1500])
    Image.new("RGB", (1, 1)).save(folder / "pixel.png")
    Image.new("RGB", (300, 15)).save(folder / "flat.png")
    return ["empty.jpg", "text.jpg", "cut.jpg", "pixel.png", "flat.png"]


def _take(sources, batches, **options):
    """Returns a list of (images, next_position)."""
    arguments = {"image_size": 24, "batch_size": 3, "seed": 5} | options
    stream = content.content_images(sources, **arguments)
    taken = []
    for images, position in stream.take(batches).as_numpy_iterator():
        assert images.dtype == np.float32
        assert position.dtype == np.int64
        assert len(set(position.tolist())) == 1
        taken.append((images, int(position[0])))
    return taken


def _same(left, right):
    return len(left) == len(right) and all(
        np.array_equal(a, b) and p == q
        for (a, p), (b, q) in zip(left, right)
    )


@pytest.fixture
def warnings(monkeypatch):
    """The lines logged as warnings."""
    lines = []
    monkeypatch.setattr(
        logging, "warning", lambda text, *values: lines.append(text % values)
    )
    return lines


def test_shapes_are_static_and_pixels_in_range(tmp_path):
    stream = content.content_images(
        [_photos(tmp_path)], image_size=24, batch_size=3, seed=0
    )
    images, position = stream.element_spec
    assert images.shape == (3, 24, 24, 3)
    assert position.shape == (3,)
    (batch, _), = _take([str(tmp_path)], 1)
    assert batch.min() >= 0 and batch.max() <= 255 and batch.std() > 5


@pytest.mark.parametrize("resize", content_loader.RESIZES)
def test_stream_continues_exactly_at_every_batch(tmp_path, resize):
    sources = [
        _photos(tmp_path / "a"), _photos(tmp_path / "b", 3), "synthetic:0.2",
    ]
    _spoil(tmp_path / "a")
    whole = _take(sources, 14, resize=resize)
    assert whole[-1][1] > 14 * 3  # Something was left out on the way.
    for done in (1, 5, 13):
        start = whole[done - 1][1]
        rest = _take(sources, 14 - done, resize=resize, start=start)
        assert _same(rest, whole[done:])


def test_stream_continues_far_from_its_begin_at_once(tmp_path):
    sources = [_photos(tmp_path), "synthetic:0.1"]
    begin = time.monotonic()
    far = _take(sources, 2, start=10**9)
    assert time.monotonic() - begin < 20
    assert far[0][1] == 10**9 + 3
    assert _same(_take(sources, 1, start=far[0][1]), far[1:])


def test_seed_decides_order_crops_and_flips(tmp_path):
    folder = _photos(tmp_path)
    assert _same(_take([folder], 4), _take([folder], 4))
    assert not _same(_take([folder], 4), _take([folder], 4, seed=6))


def test_each_epoch_shows_every_picture_once_in_a_new_order(tmp_path):
    for index in range(6):
        _write(tmp_path, f"{index}.png", color=40 * index)
    batches = _take([str(tmp_path)], 4, batch_size=6)
    shown = [images[:, 0, 0, 0].round() for images, _ in batches]
    for epoch in shown:
        assert sorted(epoch) == [0, 40, 80, 120, 160, 200]
    assert len({tuple(epoch) for epoch in shown}) > 1


def test_bad_files_are_left_out_and_named_once(tmp_path, warnings):
    folder = _photos(tmp_path)
    bad = _spoil(tmp_path)
    _take([folder], 20)  # Five epochs.
    _take([folder], 5, image_size=20)  # The next stage of a training.
    assert len(warnings) == len(bad)
    for name in bad:
        assert sum(name in line for line in warnings) == 1
    assert sum("(5 of" in line for line in warnings) == 1


def test_bad_files_do_not_bias_the_rest(tmp_path):
    for index in range(4):
        _write(tmp_path, f"{index}.png", color=60 * index)
    _spoil(tmp_path)
    # Four good pictures an epoch, so ten epochs are ten batches of four.
    batches = _take([str(tmp_path)], 10, batch_size=4)
    colors = np.concatenate([images[:, 0, 0, 0] for images, _ in batches])
    assert np.unique(colors, return_counts=True)[1].tolist() == [10] * 4


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "P", "1", "I;16"])
def test_pictures_of_any_mode_are_used(tmp_path, mode, warnings):
    if mode == "I;16":
        image = Image.fromarray(np.full([40, 40], 65535, np.uint16))
    else:
        image = Image.new("RGB", (40, 40), "white").convert(mode)
    image.save(tmp_path / ("a.jpg" if mode == "CMYK" else "a.png"))
    (images, _), = _take([str(tmp_path)], 1)
    assert images.min() >= 253
    assert not warnings


def test_transparent_pictures_lie_on_white(tmp_path):
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(tmp_path / "a.png")
    (images, _), = _take([str(tmp_path)], 1)
    assert images.min() == 255


def test_shares_are_kept(tmp_path):
    _write(tmp_path / "black", "a.png", color=0)
    _write(tmp_path / "white", "a.png", color=255)
    for index in range(3):
        _write(tmp_path / "grey", f"{index}.png", color=100)
    sources = [
        str(tmp_path / "black") + ":0.2",
        str(tmp_path / "white"),
        str(tmp_path / "grey"),
    ]
    batches = _take(sources, 50, batch_size=20, image_size=16)
    colors = np.concatenate([images[:, 0, 0, 0] for images, _ in batches])
    values, counts = np.unique(colors, return_counts=True)
    assert values.tolist() == [0, 100, 255]
    assert counts.tolist() == [200, 600, 200]


def test_crop_antialiases_and_keeps_the_aspect(tmp_path):
    board = (np.indices([200, 400]).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(board).save(tmp_path / "a.png")
    (images, _), = _take([str(tmp_path)], 1, image_size=20)
    assert np.abs(images - 127.5).max() < 3


def test_crop_takes_squares_and_squash_the_whole(tmp_path):
    # Left half black, right half white, twice as wide as high.
    pixels = np.zeros([40, 80, 3], np.uint8)
    pixels[:, 40:] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    squashed = np.concatenate(
        [i for i, _ in _take([str(tmp_path)], 6, resize="squash")]
    )
    assert np.abs(squashed[:, :, :11]).max() < 1
    assert np.abs(squashed[:, :, 13:] - 255).max() < 1
    crops = np.concatenate([i for i, _ in _take([str(tmp_path)], 20)])
    white = (crops > 127).mean((1, 2, 3))
    assert white.min() < 0.2 and white.max() > 0.8
    edges = np.diff(crops.mean((1, 3)), axis=1).sum(1)
    # Mirrored about as often as not: white on the left or on the right.
    assert 10 < (edges < -200).sum() < 50


def test_patch_keeps_the_resolution_and_leaves_out_small_ones(
    tmp_path, warnings
):
    ramp = np.arange(50)[:, None] * 5 + np.zeros([50, 70])
    Image.fromarray(ramp.astype(np.uint8)).save(tmp_path / "a.png")
    Image.new("RGB", (23, 100)).save(tmp_path / "narrow.png")
    batches = _take([str(tmp_path)], 4, resize="patch")
    for images, _ in batches:
        assert np.array_equal(np.diff(images, axis=1), images[:, 1:] * 0 + 5)
    assert len(warnings) == 1 and "narrow.png" in warnings[0]


def test_shards_are_disjoint_and_complete(tmp_path):
    for index in range(6):
        _write(tmp_path, f"{index}.png", color=40 * index)
    seen = []
    for index in range(2):
        (images, _), = _take(
            [str(tmp_path)], 1, shard=(index, 2), image_size=16
        )
        seen.append(set(images[:, 0, 0, 0].round()))
    assert not seen[0] & seen[1]
    assert seen[0] | seen[1] == {0, 40, 80, 120, 160, 200}
    one, other = (
        _take(["synthetic"], 1, shard=(index, 2))[0][0] for index in range(2)
    )
    assert not np.array_equal(one, other)
    with pytest.raises(ValueError, match="too few for 7 workers"):
        _take([str(tmp_path)], 1, shard=(0, 7))


def test_folders_without_a_usable_picture_are_refused(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="empty holds no pictures"):
        _take([str(empty)], 1)
    bad = tmp_path / "bad"
    _spoil(bad)
    with pytest.raises(ValueError, match="None of the 5 pictures of .*bad"):
        _take([_photos(tmp_path / "good"), str(bad)], 1)


def test_files_that_vanish_end_the_stream_with_an_error(tmp_path):
    folder = _photos(tmp_path)
    stream = content.content_images(
        [folder], image_size=24, batch_size=3, seed=0
    )
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(Exception, match="None of the 7 pictures"):
        list(stream.take(1))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"sources": []}, "At least one"),
        ({"sources": ["/no/such/folder"]}, "neither a folder"),
        ({"sources": ["synthetic:2"]}, "more than 0 and at most 1"),
        ({"sources": ["FOLDER", "synthetic"]}, "synthetic:0.05"),
        ({"sources": ["FOLDER", "synthetic:1"]}, "leave something"),
        ({"resize": "stretch"}, "crop, squash, patch"),
        ({"image_size": 0}, "image_size=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"start": -1}, "start=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"shard": (2, 2)}, "shard"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path, options, message):
    options = dict(options)
    folder = _photos(tmp_path, 1)
    sources = options.pop("sources", ["FOLDER"])
    sources = [folder if name == "FOLDER" else name for name in sources]
    with pytest.raises(ValueError, match=message):
        _take(sources, 1, **options)


def test_a_stream_that_is_still_held_does_not_keep_python_from_exiting(
    tmp_path
):
    """It hung for ever once: see `content_loader`."""
    program = (
        "from fastnst.data.content_images import content_images\n"
        f"stream = content_images([{_photos(tmp_path)!r}, 'synthetic:0.5'],"
        " image_size=128, batch_size=2, seed=0)\n"
        "iterator = iter(stream)\n"
        "next(iterator)\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], timeout=60)
    assert finished.returncode == 0
