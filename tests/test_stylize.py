"""The command itself, on real odd files."""

import functools
import pathlib
import subprocess
import sys

from PIL import Image
import numpy as np
import pytest

from fastnst.data import image_files
from fastnst.inference import transform
from fastnst.networks import network_files
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network

_SIZES = ((1, 1), (3, 1000), (255, 257), (4096, 16))


@pytest.fixture(scope="module")
def stylize(run_command, folder):
    """Runs the command in the folder."""
    return functools.partial(run_command, "stylize", cwd=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, save_networks):
    """Holds network.keras, sharp.keras (of the other task) and photos/."""
    folder = tmp_path_factory.mktemp("stylize")
    save_networks(
        folder,
        network=style_transfer_network.StyleTransferNetwork(
            width=0.125, style_names=("wave", "mosaic")
        ),
        sharp=super_resolution_network.SuperResolutionNetwork(width=0.125),
    )
    _write_odd_files(folder / "photos")
    return folder


def _write_odd_files(photos):
    (photos / "sizes").mkdir(parents=True)
    generator = np.random.default_rng(0)

    def noise(*shape, top=256, dtype=np.uint8):
        return Image.fromarray(generator.integers(0, top, shape, dtype=dtype))

    for height, width in _SIZES:
        noise(height, width, 3).save(photos / f"sizes/{height}x{width}.png")
    noise(30, 1, 3).save(photos / "thin.jpg")
    noise(9, 8, 4).save(photos / "alpha.png")
    noise(9, 8, 2).convert("RGBA").save(photos / "grey_alpha.webp")
    noise(9, 8, 4).convert("CMYK").save(photos / "cmyk.jpg")
    noise(9, 8).save(photos / "grey.jpg")
    noise(9, 8, top=65536, dtype=np.uint16).save(photos / "sixteen.png")
    noise(9, 8, 3).quantize(16).save(photos / "palette.bmp")
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be turned by 90 degrees.
    noise(20, 11, 3).save(photos / "turned.jpg", exif=exif)


@pytest.fixture(scope="module")
def done(folder, stylize):
    """One run over the whole folder and three files that cannot be read."""
    (folder / "torn.png").write_bytes(
        (folder / "photos/alpha.png").read_bytes()[:60]
    )
    (folder / "text.jpg").write_text("no picture")
    return stylize(
        "torn.png",
        "photos",
        "lost.jpg",
        "text.jpg",
        "--network=.",
        "--style=wave:0.3,mosaic:0.7",
        "--output=out",
    )


def _sources(folder):
    return sorted(
        path.relative_to(folder / "photos")
        for path in (folder / "photos").rglob("*.*")
    )


def test_every_odd_file_keeps_size_and_place(folder, done):
    assert len(_sources(folder)) == 12
    for name in _sources(folder):
        source = image_files.read_image(folder / "photos" / name)
        result = image_files.read_image(folder / "out" / name)
        assert result.rgb.shape == source.rgb.shape, name
        with_alpha = name.suffix != ".jpg" and source.alpha is not None
        assert (result.alpha is not None) == with_alpha, name
        if with_alpha:
            np.testing.assert_array_equal(result.alpha, source.alpha)
    turned = image_files.read_image(folder / "out/turned.jpg").rgb
    assert turned.shape == (11, 20, 3)
    written = [path for path in (folder / "out").rglob("*") if path.is_file()]
    assert len(written) == len(_sources(folder))


def test_results_are_those_of_the_python_api(folder, done):
    transformer = transform.ImageTransformer.load(folder)
    for name in ("alpha.png", "sixteen.png", "sizes/255x257.png"):
        source = image_files.read_image(folder / "photos" / name)
        result = image_files.read_image(folder / "out" / name)
        expected = transformer.stylize(source.rgb, "wave:0.3,mosaic:0.7")
        difference = result.rgb.astype(int) - expected
        assert np.abs(difference).max() <= 1


def test_every_file_has_its_line_and_bad_ones_fail_the_run(folder, done):
    assert done.returncode == 1
    # TensorFlow's start-up lines are not shown either.
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == len(_sources(folder)) + 3
    assert any("sizes/3x1000.png  1000x3  " in line for line in lines)
    assert all(line.endswith(" s") for line in lines if " -> " in line)
    assert lines[0].startswith("skipped torn.png: ")
    assert lines[-2].startswith("skipped lost.jpg: ")
    assert lines[-1].startswith("skipped text.jpg: ")


def test_one_file_with_flags_after_it(stylize, tmp_path):
    result = tmp_path / "new" / "result.webp"
    done = stylize(
        "photos/grey.jpg",
        "--network=network.keras",
        f"--output={result}",
        "--precision=bfloat16",
        "--quality=60",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"photos/grey.jpg -> {result}  8x9  " in done.stdout
    assert image_files.read_image(result).rgb.shape == (9, 8, 3)
    with Image.open(result) as image:
        assert image.format == "WEBP"


@pytest.fixture(scope="module")
def masks(folder):
    """Writes left.png, right.png and black.png."""
    left = np.zeros([20, 30], np.uint8)
    Image.fromarray(left).save(folder / "black.png")
    left[:, :15] = 255
    Image.fromarray(left).save(folder / "left.png")
    Image.fromarray(255 - left).save(folder / "right.png")


def test_every_option_reaches_the_picture(folder, stylize, masks, tmp_path):
    done = stylize(
        "photos/sizes/255x257.png",
        "photos/alpha.png",
        "--network=network.keras",
        f"--output={tmp_path}",
        "--strength=0.8",
        "--keep_colors",
        "--max_side=100",
        "--style_mask=wave:left.png,mosaic:right.png",
        "--mask=left.png",
        "--compare",
        "--tile=32",
    )
    assert (done.returncode, done.stderr) == (0, "")
    source = image_files.read_image(folder / "photos/sizes/255x257.png").rgb
    read = [
        image_files.read_image(folder / f"{name}.png").rgb[..., 0]
        for name in ("left", "right")
    ]
    expected = transform.ImageTransformer.load(folder).stylize(
        source,
        strength=0.8,
        keep_colors=True,
        max_side=100,
        style_masks=dict(zip(("wave", "mosaic"), read)),
        mask=read[0],
        compare=True,
    )
    assert expected.shape == (99, 200, 3)
    result = image_files.read_image(tmp_path / "255x257.png").rgb
    assert np.abs(result.astype(int) - expected).max() <= 1
    # Each of the two pictures has the transparency.
    alpha = image_files.read_image(folder / "photos/alpha.png").alpha
    found = image_files.read_image(tmp_path / "alpha.png").alpha
    np.testing.assert_array_equal(found, np.hstack([alpha, alpha]))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--mask=black.png", "black.png: The mask has no white"),
        ("--style_mask=left.png", "such as wave:sky.png"),
        ("--style_mask=wave:left.png --style=wave", "exclude"),
        ("--mask=left.png --output=left.png --overwrite", "left.png"),
    ],
)
def test_bad_options_are_one_line(folder, stylize, masks, arguments, expected):
    before = sorted(folder.rglob("*"))
    done = stylize(
        "photos/grey.jpg", "--network=.", "--output=o.jpg", *arguments.split()
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and expected in line
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("x.jpg --output=o.jpg", "--network"),
        ("x.jpg --network=network.keras", "--output"),
        ("--network=network.keras --output=o.jpg", "photo"),
        ("photos/grey.jpg --network=sharp.keras --output=o.jpg", "sharp.keras"),
        ("photos/grey.jpg --network=. --output=o.jpg --style=x", "mosaic"),
        ("photos/grey.jpg --network=. --output=photos --overwrite", "grey.jpg"),
    ],
)
def test_bad_input_is_one_line(folder, stylize, arguments, expected):
    before = sorted(folder.rglob("*"))
    done = stylize(*arguments.split())
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert expected in line
    assert sorted(folder.rglob("*")) == before


def test_list_networks_has_a_line_for_each(stylize):
    done = stylize("--list_networks")
    assert (done.returncode, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == network_files.list_networks()
    shipped = pathlib.Path(network_files.PRETRAINED).glob("*.keras")
    assert sorted(path.stem for path in shipped) == names


def test_list_networks_does_not_wait_for_tensorflow():
    script = (
        "import sys\n"
        "from fastnst import picture_flags\n"
        "picture_flags.list_networks()\n"
        "print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
