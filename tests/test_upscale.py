"""The command itself, on odd files."""

import functools

from PIL import Image
import numpy as np
import pytest

from fastnst.data import image_files
from fastnst.inference import histogram_matching
from fastnst.inference import transform
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network

# Written once and read by every test: name to (height, width).
_PHOTOS = {
    "one.png": (1, 1),
    "sub/thin.png": (3, 40),
    "alpha.png": (9, 8),
    "grey.jpg": (9, 8),
    "sixteen.png": (9, 8),
    "palette.bmp": (9, 8),
}


@pytest.fixture(scope="module")
def upscale(run_command, folder):
    """Runs the command in the folder."""
    return functools.partial(run_command, "upscale", cwd=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, save_networks):
    """Holds sharp.keras (x4), style.keras (of the other task) and photos/."""
    folder = tmp_path_factory.mktemp("upscale")
    save_networks(
        folder,
        sharp=super_resolution_network.SuperResolutionNetwork(4, "paper", 0.05),
        style=style_transfer_network.StyleTransferNetwork(width=0.125),
    )
    _write_photos(folder / "photos")
    return folder


def _write_photos(photos):
    (photos / "sub").mkdir(parents=True)
    generator = np.random.default_rng(0)
    deep = generator.integers(0, 65536, (9, 8), dtype=np.uint16)
    for name, shape in _PHOTOS.items():
        channels = {"alpha.png": (4,), "grey.jpg": ()}.get(name, (3,))
        noise = generator.integers(0, 256, (*shape, *channels), dtype=np.uint8)
        picture = Image.fromarray(deep if name == "sixteen.png" else noise)
        if name == "palette.bmp":
            picture = picture.quantize(16)
        picture.save(photos / name)


@pytest.fixture(scope="module")
def done(folder, upscale):
    """One run over the whole folder and a file that cannot be read."""
    (folder / "text.jpg").write_text("no picture")
    return upscale(
        "photos", "text.jpg", "--network=sharp.keras", "--output=out"
    )


def test_every_odd_file_is_four_times_as_large(folder, done):
    assert done.returncode == 1 and done.stderr == ""
    for name, (height, width) in _PHOTOS.items():
        result = image_files.read_image(folder / "out" / name)
        assert result.rgb.shape == (4 * height, 4 * width, 3), name
        assert (result.alpha is None) == (name != "alpha.png")
    written = [path for path in (folder / "out").rglob("*") if path.is_file()]
    assert len(written) == len(_PHOTOS)


def test_lines_tell_factor_sizes_and_what_was_skipped(done):
    lines = done.stdout.splitlines()
    assert lines[0] == "sharp.keras: enlarges 4 times"
    assert any("thin.png  40x3 -> 160x12  " in line for line in lines)
    assert lines[-1].startswith("skipped text.jpg: ")
    assert len(lines) == len(_PHOTOS) + 2


def test_transparency_is_enlarged_by_bicubic(folder, done):
    source = image_files.read_image(folder / "photos/alpha.png")
    result = image_files.read_image(folder / "out/alpha.png")
    expected = Image.fromarray(source.alpha).resize(
        (32, 36), Image.Resampling.BICUBIC
    )
    np.testing.assert_array_equal(result.alpha, np.asarray(expected))
    enlarged = transform.ImageTransformer.load(folder / "sharp.keras").upscale(
        source.rgb
    )
    assert np.abs(result.rgb.astype(int) - enlarged).max() <= 1


def test_histogram_matching_gives_the_colors_of_the_input(folder, upscale):
    done = upscale(
        "photos/sub/thin.png",
        "--network=sharp.keras",
        "--output=matched.png",
        "--match_histogram",
        "--factor=4",
    )
    assert (done.returncode, done.stderr) == (0, "")
    source = image_files.read_image(folder / "photos/sub/thin.png").rgb
    result = image_files.read_image(folder / "matched.png").rgb
    plain = transform.ImageTransformer.load(folder / "sharp.keras").upscale(
        source
    )
    expected = histogram_matching.match_histogram(plain, source)
    # One of 255 in the network can be more after matching.
    assert np.abs(result.astype(int) - expected).mean() < 1
    means = [image.mean((0, 1)) for image in (source, result, plain)]
    assert np.abs(means[1] - means[0]).max() < 5
    assert np.abs(means[2] - means[0]).max() > 5


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("photos/grey.jpg --network=style.keras --output=o.jpg", "style.keras"),
        (
            "photos/grey.jpg --network=sharp.keras --output=o.jpg --factor=8",
            "`factor` must be 4",
        ),
        ("x.jpg --output=o.jpg", "--network"),
        ("--network=sharp.keras --output=o.jpg", "photo"),
        ("empty --network=sharp.keras --output=o/", "empty"),
        ("photos/grey.jpg --network=sharp.keras --output=text.jpg", "text.jpg"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    folder, upscale, arguments, expected
):
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty").mkdir(exist_ok=True)
    before = sorted(folder.rglob("*"))
    done = upscale(*arguments.split())
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert expected in line
    assert sorted(folder.rglob("*")) == before
    assert (folder / "text.jpg").read_text() == "no picture"
