"""The page of export/web in Chromium, compared with LiteRT for Python."""

import pathlib
import socket

from PIL import Image
from PIL import ImageOps
import numpy as np
import pytest

pytestmark = pytest.mark.browser

_PHOTOS = pathlib.Path(__file__).parents[2] / "experiments" / "photos"
_HEIGHT, _WIDTH = 96, 128


def _photo(name):
    return Image.open(_PHOTOS / f"{name}.jpg")


@pytest.fixture
def page(open_page):
    return open_page()


def _pixels(path):
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def _run(network, pixels, *style_blend):
    """Runs a file with LiteRT for Python; float32 result."""
    from fastnst.deployment import tflite

    run = tflite.runner(network.read_bytes(), pixels.shape[:2])
    inputs = {"image": pixels[None].astype(np.float32)}
    if style_blend:
        inputs["style_blend"] = np.array([style_blend], np.float32)
    return run(**inputs)[0]


def _assert_close(received, expected):
    difference = np.abs(received.astype(np.float32) - expected)
    assert difference.max() <= 3
    assert difference.mean() < 0.5


def test_the_result_is_that_of_python(page, networks, photo, tmp_path):
    page.choose("style", photo)
    received = page.download(tmp_path / "out.png")
    expected = _run(networks["style"], _pixels(photo))
    # A network that returns its input, or grey, would prove nothing.
    assert np.abs(expected - _pixels(photo)).mean() > 20
    assert expected.std() > 20
    _assert_close(received, expected)
    # To look at: pytest keeps the folders of the last three runs.
    page.page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_nothing_can_be_sent_anywhere_else(page):
    """Neither by the page nor by its worker, which has the photo."""
    ask = """async (address) => {
      try {
        await fetch(address, { mode: "no-cors" });
        return "sent";
      } catch (error) {
        return "refused";
      }
    }"""
    (worker,) = page.page.workers
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(1)
        address = f"http://127.0.0.1:{other.getsockname()[1]}/"
        for place in (page.page, worker):
            assert place.evaluate(ask, address) == "refused"
        with pytest.raises(TimeoutError):
            other.accept()


def test_a_file_of_bytes_gives_the_same(page, networks, photo, tmp_path):
    page.choose("bytes", photo)
    expected = _run(networks["style"], _pixels(photo))
    _assert_close(page.download(tmp_path / "out.png"), expected)


def test_another_size_is_fitted_padded_and_cut(
    page, networks, tmp_path
):
    # Turned upright: 200 x 400. In 128 x 96 that is 48 x 96, 40 left of it.
    picture = _photo("coffee").crop((0, 0, 400, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    page.choose("style", tmp_path / "turned.jpg")
    received = page.download(tmp_path / "out.png")
    assert received.shape == (96, 48, 3)
    # What the network saw, as the page shows it when the style is off.
    page.set_slider("#strength", 0)
    seen = page.download(tmp_path / "seen.png")
    small = Image.fromarray(_pixels(tmp_path / "turned.jpg")).resize(
        (48, 96), Image.Resampling.BILINEAR
    )
    # Two JPEG decoders.
    assert np.abs(seen.astype(int) - np.asarray(small)).max() <= 4
    framed = np.pad(seen, [(0, 0), (40, 40), (0, 0)], "reflect")
    expected = _run(networks["style"], framed)[:, 40:88]
    _assert_close(received, expected)


def test_styles_blend(page, networks, photo, tmp_path):
    page.choose("pair", photo)
    network, pixels = networks["pair"], _pixels(photo)
    rows = page.page.locator("#style-list li")
    assert rows.locator("button").all_text_contents() == ["ink", "mosaic"]
    first = page.download(tmp_path / "first.png")
    _assert_close(first, _run(network, pixels, 1, 0))

    rows.nth(1).locator("input").fill("60")
    page.wait_for("made in")
    # 62.5 and 37.5; what is shown adds up to 100.
    assert rows.locator("output").all_text_contents() == ["63 %", "37 %"]
    blended = page.download(tmp_path / "blended.png")
    _assert_close(blended, _run(network, pixels, 0.625, 0.375))
    assert np.abs(blended.astype(int) - first).mean() > 5

    rows.nth(1).locator("button").click()
    page.wait_for("made in")
    second = page.download(tmp_path / "second.png")
    _assert_close(second, _run(network, pixels, 0, 1))

    rows.nth(1).locator("input").fill("0")
    page.page.wait_for_selector("#error:not(:empty)")
    assert "at least one style" in page.error()


def test_strength_mixes_photo_and_result(page, photo, tmp_path):
    page.choose("style", photo)
    full = page.download(tmp_path / "full.png").astype(np.float32)
    page.set_slider("#strength", 0)
    none = page.download(tmp_path / "none.png")
    np.testing.assert_array_equal(none, _pixels(photo))
    page.set_slider("#strength", 25)
    quarter = page.download(tmp_path / "quarter.png")
    np.testing.assert_allclose(quarter, 0.75 * none + 0.25 * full, atol=0.51)


def test_the_line_uncovers_the_photo_on_its_left(page, photo, tmp_path):
    page.choose("style", photo)
    result = page.download(tmp_path / "result.png")
    page.set_slider("#compare", 50)
    values = page.page.evaluate(
        """() => {
          const canvas = document.getElementById("result");
          const context = canvas.getContext("2d");
          const { width, height } = canvas;
          return Array.from(context.getImageData(0, 0, width, height).data);
        }"""
    )
    shown = np.array(values).reshape(_HEIGHT, _WIDTH, 4)[..., :3]
    np.testing.assert_array_equal(shown[:, :62], _pixels(photo)[:, :62])
    np.testing.assert_array_equal(shown[:, 66:], result[:, 66:])
    # It is not in what is saved.
    saved = page.download(tmp_path / "saved.png")
    np.testing.assert_array_equal(saved, result)


def test_super_resolution_enlarges(page, networks, tmp_path):
    # Not wider than the network's 64 x 48: it must stay as it is.
    picture = _photo("chelsea").crop((0, 0, 40, 32))
    picture.save(tmp_path / "small.png")
    page.choose("enlarging", tmp_path / "small.png")
    assert "times 4" in page.page.text_content("#size")
    received = page.download(tmp_path / "large.png")
    assert received.shape == (128, 160, 3)
    pixels = _pixels(tmp_path / "small.png")
    framed = np.pad(pixels, [(8, 8), (12, 12), (0, 0)], "reflect")
    expected = _run(networks["enlarging"], framed)
    _assert_close(received, np.clip(expected[32:160, 48:208], 0, 255))


def _unreadable(folder):
    text = folder / "text.png"
    text.write_text("not a picture")
    whole = folder / "whole.png"
    _photo("coffee").save(whole)
    half = folder / "half.png"
    half.write_bytes(whole.read_bytes()[:20_000])
    # 100 megapixels of black in a few kilobytes.
    large = folder / "large.png"
    Image.new("1", (10_000, 10_000)).save(large)
    return {
        text: "text.png cannot be read as a picture",
        half: "half.png cannot be read as a picture",
        large: "10000 × 10000 are 100 megapixels, at most 64",
    }


def test_files_that_cannot_be_used_are_named(page, photo, tmp_path):
    for path, message in _unreadable(tmp_path).items():
        page.page.set_input_files("#file", path)
        page.page.wait_for_selector("#error:not(:empty)")
        assert message in page.error()
        # And it goes on.
        page.choose("style", photo)
        assert page.error() == ""


def test_the_size_is_said(page):
    assert "128 × 96 pixels" in page.page.text_content("#size")


def test_the_keyboard_reaches_everything(page, photo):
    page.choose("pair", photo)
    reached = set()
    for _ in range(20):
        page.page.keyboard.press("Tab")
        reached.add(page.page.evaluate("() => document.activeElement.id"))
    assert reached >= {
        "file",
        "network",
        "strength",
        "compare",
        "download",
        "webcam",
    }
    page.page.focus("#strength")
    page.page.keyboard.press("ArrowLeft")
    assert page.page.text_content("#strength-value") == "99 %"


def test_a_phone_shows_it_all(open_page, photo):
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True)
    page.choose("pair", photo)
    width = page.page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 360
    for button in page.page.locator("button:visible, select").all():
        assert button.bounding_box()["height"] >= 40


def test_the_webcam_is_live_until_kept(page, tmp_path):
    page.page.click("#webcam")
    page.wait_for("Live")
    page.page.wait_for_selector("#download:enabled")
    page.page.click("#webcam")
    page.wait_for("made in")
    # Chromium's test picture is 4:3, as the network is.
    assert page.download(tmp_path / "out.png").shape == (96, 128, 3)


def test_a_dropped_file_is_opened(page, photo):
    transfer = page.page.evaluate_handle(
        """(values) => {
          const transfer = new DataTransfer();
          const file = new File([Uint8Array.from(values)], "dropped.png");
          transfer.items.add(file);
          return transfer;
        }""",
        list(photo.read_bytes()),
    )
    page.page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    page.wait_for("made in")


def test_the_gpu_gives_the_same(
    launch_browser, open_page, networks, photo, tmp_path
):
    # Chromium's own software GPU: slow, but the real engine.
    browser = launch_browser(
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--enable-features=Vulkan",
    )
    page = open_page(browser=browser)
    if "on the GPU" not in page.page.text_content("#size"):
        pytest.skip("Chromium has no WebGPU here")
    page.choose("style", photo)
    expected = _run(networks["style"], _pixels(photo))
    _assert_close(page.download(tmp_path / "out.png"), expected)
    page.choose("pair", photo)
    assert "on the GPU" in page.page.text_content("#size")
    expected = _run(networks["pair"], _pixels(photo), 1, 0)
    _assert_close(page.download(tmp_path / "pair.png"), expected)
    # And off it, if asked.
    page = open_page(browser=browser, query="?accelerator=wasm")
    assert "on the processor" in page.page.text_content("#size")
