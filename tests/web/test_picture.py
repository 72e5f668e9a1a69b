"""picture.js in Chromium, against Pillow and NumPy."""

import pathlib

from PIL import Image
import numpy as np
import pytest

pytestmark = pytest.mark.browser

_PHOTO = pathlib.Path(__file__).parents[2] / "experiments/photos/coffee.jpg"


@pytest.fixture(scope="module")
def call(browser, address):
    """Calls a function of picture.js; pictures are arrays of RGBA."""
    page = browser.new_page()
    page.goto(address)

    def run(function, *arguments):
        arguments = [
            {"picture": argument.tolist()}
            if isinstance(argument, np.ndarray)
            else argument
            for argument in arguments
        ]
        result = page.evaluate(
            """async ([name, args]) => {
              const functions = await import("./picture.js");
              const toPicture = (rows) => ({
                width: rows[0].length,
                height: rows.length,
                data: Uint8ClampedArray.from(rows.flat(2)),
              });
              const result = functions[name](
                ...args.map((arg) =>
                  arg?.picture ? toPicture(arg.picture) : arg,
                ),
              );
              if (result instanceof Float32Array) return Array.from(result);
              if (!result?.data) return result;
              return { ...result, data: Array.from(result.data) };
            }""",
            [function, arguments],
        )
        if isinstance(result, dict) and "data" in result:
            shape = result["height"], result["width"], 4
            return np.array(result["data"], np.uint8).reshape(shape)
        return result

    yield run
    page.close()


@pytest.fixture
def pixels():
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, [5, 7, 4], np.uint8)


def test_fit_keeps_the_aspect_and_centers(call):
    assert call("fit", 400, 200, 128, 96) == {
        "width": 128,
        "height": 64,
        "left": 0,
        "top": 16,
    }
    assert call("fit", 200, 400, 128, 96) == {
        "width": 48,
        "height": 96,
        "left": 40,
        "top": 0,
    }
    # One pixel high it may become, but not none.
    assert call("fit", 5000, 1, 128, 96)["height"] == 1
    assert call("fit", 64, 48, 128, 96)["width"] == 128
    assert call("fit", 64, 48, 128, 96, False) == {
        "width": 64,
        "height": 48,
        "left": 32,
        "top": 24,
    }


@pytest.mark.parametrize("size", [(31, 17), (90, 40), (64, 99)])
def test_resize_is_that_of_pillow(call, size):
    with Image.open(_PHOTO) as image:
        photo = np.asarray(image.crop((0, 0, 90, 64)).convert("RGBA"))
    received = call("resize", photo, *size).astype(int)
    expected = Image.fromarray(photo).resize(size, Image.Resampling.BILINEAR)
    # Pillow rounds between its two passes.
    assert np.abs(received - np.asarray(expected)).max() <= 1


def test_padding_reflects_as_often_as_it_must(call, pixels):
    received = call("padByReflection", pixels, 40, 30, 18, 13)
    expected = np.pad(pixels, [(13, 12), (18, 15), (0, 0)], "reflect")
    np.testing.assert_array_equal(received, expected)
    # A line of pixels has no mirror: it is repeated.
    received = call("padByReflection", pixels[:1], 7, 3, 0, 1)
    np.testing.assert_array_equal(received, np.repeat(pixels[:1], 3, 0))


def test_crop_undoes_padding(call, pixels):
    padded = call("padByReflection", pixels, 12, 9, 2, 3)
    cropped = call("crop", padded, 2, 3, 7, 5)
    np.testing.assert_array_equal(cropped, pixels)


def test_values_are_rows_of_rgb_and_come_back_rounded(call, pixels):
    values = call("toValues", pixels)
    np.testing.assert_array_equal(values, pixels[..., :3].ravel())
    back = call("fromValues", [-3.0, 300.0, 1.6, 254.4, 0.4, 7.0], 2, 1)
    assert back.tolist() == [[[0, 255, 2, 255], [254, 0, 7, 255]]]


def test_blend_is_linear(call, pixels):
    other = 255 - pixels
    received = call("blend", pixels, other, 0.25).astype(float)
    expected = 0.75 * pixels + 0.25 * other
    np.testing.assert_allclose(received, expected, atol=0.5)
    np.testing.assert_array_equal(call("blend", pixels, other, 1), other)


def test_shares_sum_to_one(call):
    assert call("normalizedShares", [100, 60]) == [0.625, 0.375]
    assert call("normalizedShares", [0, 0]) is None
