"""The plain Kotlin of export/android, compiled, against NumPy and Pillow.

Needs a JDK and a Kotlin compiler; PyPI's kotlin-jupyter-kernel brings one.
"""

import importlib.util
import pathlib
import shutil
import struct
import subprocess

from PIL import Image
import numpy as np
import pytest

_REPOSITORY = pathlib.Path(__file__).parents[2]
_SOURCES = _REPOSITORY / "export" / "android" / "image" / "src" / "main"
_CALLER = pathlib.Path(__file__).with_name("run_image.kt")
_PHOTO = _REPOSITORY / "experiments" / "photos" / "coffee.jpg"


def _compiler_jars() -> pathlib.Path:
    if shutil.which("java") is None:
        pytest.skip("no Java: apt-get install openjdk-17-jdk-headless")
    package = importlib.util.find_spec("run_kotlin_kernel")
    if package is None:
        pytest.skip("no Kotlin compiler: pip install -e '.[android]'")
    return pathlib.Path(package.submodule_search_locations[0]) / "jars"


@pytest.fixture(scope="module")
def classes(tmp_path_factory) -> str:
    """Class path of the compiled module and of what calls it here."""
    jars = _compiler_jars()
    (library,) = jars.glob("kotlin-stdlib-*.jar")
    folder = tmp_path_factory.mktemp("classes")
    arguments = ["-no-stdlib", "-no-reflect", "-Werror", "-Wextra"]
    arguments += ["-jvm-target", "17", "-cp", library, "-d", folder]
    compiled = subprocess.run(
        [
            *("java", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*"),
            "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
            *arguments,
            *(_SOURCES, _CALLER),
        ],
        capture_output=True,
        text=True,
    )
    assert compiled.returncode == 0, compiled.stderr
    return f"{folder}:{library}"


@pytest.fixture(scope="module")
def call(classes):
    """Calls a function with numbers and bytes; returns the bytes it gives."""
    process = subprocess.Popen(
        ["java", "-cp", classes, "Run_imageKt"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )

    def send(words, content=b""):
        text = " ".join(map(str, words)).encode()
        process.stdin.write(struct.pack(">H", len(text)) + text)
        process.stdin.write(struct.pack(">I", len(content)) + content)
        process.stdin.flush()

    def run(function, *numbers, content=b""):
        send([function, *numbers], content)
        (length,) = struct.unpack(">I", process.stdout.read(4))
        return process.stdout.read(length)

    yield run
    send(["stop"])
    process.communicate(timeout=60)


@pytest.fixture
def on_picture(call):
    """Calls a function on pictures of one size; returns an RGBA array."""

    def run(function, *pictures, size, numbers=()):
        height, width, _ = pictures[0].shape
        content = b"".join(picture.tobytes() for picture in pictures)
        result = call(function, width, height, *numbers, content=content)
        return np.frombuffer(result, np.uint8).reshape([*size, 4])

    return run


@pytest.fixture
def pixels():
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, [5, 7, 4], np.uint8)


@pytest.fixture
def photo():
    with Image.open(_PHOTO) as image:
        return np.asarray(image.crop((0, 0, 90, 64)).convert("RGBA"))


@pytest.mark.parametrize(
    "sizes,area",
    [
        ("400 200 128 96", "0 16 128 64"),
        ("200 400 128 96", "40 0 48 96"),
        ("64 48 128 96", "0 0 128 96"),
        # One pixel high it may become, but not none.
        ("5000 1 128 96", "0 47 128 1"),
    ],
)
def test_fit_keeps_the_aspect_and_centers(call, sizes, area):
    assert call("fit", *sizes.split()).decode() == area


@pytest.mark.parametrize("width,height", [(31, 17), (90, 40), (64, 99)])
def test_resize_is_that_of_pillow(on_picture, photo, width, height):
    received = on_picture(
        "resize", photo, size=(height, width), numbers=(width, height)
    )
    expected = Image.fromarray(photo).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    # Pillow rounds between its two passes.
    assert np.abs(received.astype(int) - np.asarray(expected)).max() <= 1


def test_padding_reflects_as_often_as_it_must(on_picture, pixels):
    received = on_picture(
        "pad", pixels, size=(30, 40), numbers=(40, 30, 18, 13)
    )
    expected = np.pad(pixels, [(13, 12), (18, 15), (0, 0)], "reflect")
    np.testing.assert_array_equal(received, expected)
    # A line of pixels has no mirror: it is repeated.
    received = on_picture(
        "pad", pixels[:1], size=(3, 7), numbers=(7, 3, 0, 1)
    )
    np.testing.assert_array_equal(received, np.repeat(pixels[:1], 3, 0))


def test_crop(on_picture, pixels):
    received = on_picture("crop", pixels, size=(3, 4), numbers=(2, 1, 4, 3))
    np.testing.assert_array_equal(received, pixels[1:4, 2:6])


def test_values_are_rows_of_rgb_and_come_back_rounded(call, pixels):
    received = call("toValues", 7, 5, content=pixels.tobytes())
    np.testing.assert_array_equal(
        np.frombuffer(received, "<f4").reshape(5, 7, 3), pixels[..., :3]
    )
    values = np.array([-3.0, 300.0, 1.6, 254.4, np.nan, 7.5], "<f4")
    received = call("fromValues", 2, 1, content=values.tobytes())
    assert list(received) == [0, 255, 2, 255, 254, 0, 8, 255]


def test_mix_is_linear(on_picture, pixels):
    other = 255 - pixels
    received = on_picture("mix", pixels, other, size=(5, 7), numbers=(25,))
    expected = 0.75 * pixels + 0.25 * other
    np.testing.assert_allclose(received, expected, atol=0.5)


@pytest.mark.parametrize(
    "positions,expected",
    [([100, 60], [0.625, 0.375]), ([0, 0, 0], [1, 0, 0]), ([3], [1])],
)
def test_style_blend_sums_to_one(call, positions, expected):
    received = np.frombuffer(call("styleBlend", *positions), "<f4")
    np.testing.assert_allclose(received, expected)


@pytest.mark.parametrize("strength", [0, 40, 100])
def test_stylize_gives_back_the_part_that_was_the_photo(
    call, photo, strength
):
    # 90x64 in a network of 48x50: 48x34 remain, with the network inverting.
    received = call(
        "stylizeInverted", 90, 64, 48, 50, strength, content=photo.tobytes()
    )
    width, height, content = received.split(b" ", 2)
    assert (int(width), int(height)) == (48, 34)
    small = Image.fromarray(photo).resize((48, 34), Image.Resampling.BILINEAR)
    small = np.asarray(small).astype(float)[..., :3]
    expected = small + strength / 100 * (255 - 2 * small)
    result = np.frombuffer(content, np.uint8).reshape(34, 48, 4)
    np.testing.assert_allclose(result[..., :3], expected, atol=1.6)
    assert (result[..., 3] == 255).all()
