"""The page of export/web, built with small networks, in a real browser."""

import functools
import http.server
import json
import pathlib
import shutil
import subprocess
import sys
import threading

from PIL import Image
import numpy as np
import pytest

_ROOT = pathlib.Path(__file__).parents[2]
_WEB = _ROOT / "export" / "web"
_PHOTOS = _ROOT / "experiments" / "photos"
# Height and width that differ, so that exchanging them is seen.
SIZE = (96, 128)
SMALL = (48, 64)
# What a slow machine may take to start a browser and compile a network.
_PATIENCE_MS = 60_000


@pytest.fixture(scope="session")
def build():
    """Runs build.py; returns the finished process."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, _WEB / "build.py", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def networks(tmp_path_factory) -> dict[str, pathlib.Path]:
    """Exported networks, untrained: of one style, of two, and one that
    enlarges four times."""
    import keras

    from fastnst.deployment import tflite
    from fastnst.networks import style_transfer_network
    from fastnst.networks import super_resolution_network

    keras.utils.set_random_seed(0)
    style = style_transfer_network.StyleTransferNetwork(width=0.125)
    pair = style_transfer_network.StyleTransferNetwork(
        width=0.125, style_names=("ink", "mosaic")
    )
    enlarging = super_resolution_network.SuperResolutionNetwork(width=0.25)
    folder = tmp_path_factory.mktemp("products")
    paths = {}
    for name, network, size, pixels in (
        ("style", style, SIZE, "float32"),
        ("bytes", style, SIZE, "uint8"),
        ("pair", pair, SIZE, "float32"),
        ("enlarging", enlarging, SMALL, "float32"),
    ):
        if not network.built:
            network.build()
            _make_styles_differ(network)
            _give_contrast(network)
        paths[name] = folder / name / "tflite" / "1" / f"{name}.tflite"
        paths[name].parent.mkdir(parents=True)
        (_, model), *_ = tflite.convert(
            network, size, precisions=("fp16",), pixels=pixels
        )
        paths[name].write_bytes(model)
    contract = folder / "pair" / "1" / "assets.extra" / "contract.json"
    contract.parent.mkdir(parents=True)
    contract.write_text(json.dumps({"style_names": ["ink", "mosaic"]}))
    return paths


def _give_contrast(network) -> None:
    """Untrained, a network's pictures are nearly grey."""
    if network.task == "style_transfer":
        kernel = network.to_pixels.kernel
        kernel.assign(25 * kernel.value)


def _make_styles_differ(network) -> None:
    """Untrained, the rows of all styles are the same."""
    generator = np.random.default_rng(0)
    num_styles = len(getattr(network, "style_names", ()))
    for weight in network.weights:
        if num_styles > 1 and weight.shape[0] == num_styles:
            noise = generator.normal(0, 0.3, weight.shape)
            weight.assign(weight.numpy() + noise)


@pytest.fixture(scope="session")
def built(build, networks, tmp_path_factory) -> pathlib.Path:
    """The built page; skips if LiteRT.js can be had nowhere."""
    folder = tmp_path_factory.mktemp("web") / "built"
    process = build(*networks.values(), f"--output_dir={folder}")
    if "cannot be fetched" in process.stderr:
        pytest.skip(process.stderr.strip())
    assert process.returncode == 0, process.stderr
    return folder


@pytest.fixture(scope="session")
def photo(tmp_path_factory):
    """A photo of exactly the networks' size."""
    path = tmp_path_factory.mktemp("photos") / "photo.png"
    with Image.open(_PHOTOS / "astronaut.jpg") as picture:
        picture.resize(SIZE[::-1]).save(path)
    return path


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        del format, args


@pytest.fixture(scope="session")
def address(built):
    """Serves the page as `python -m http.server` does."""
    handler = functools.partial(_QuietHandler, directory=str(built))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def launch_browser():
    """Starts the machine's own Chromium with additional arguments."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="pip install -e '.[browser]'"
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("Chromium is not installed")
    browsers = []
    with playwright.sync_playwright() as driver:

        def launch(*arguments):
            browser = driver.chromium.launch(
                executable_path=path,
                args=[
                    # The network is blocked, except for the page's server.
                    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                    *arguments,
                ],
            )
            browsers.append(browser)
            return browser

        yield launch
        for browser in browsers:
            browser.close()


@pytest.fixture(scope="session")
def browser(launch_browser):
    """A browser whose webcam shows a test picture."""
    return launch_browser(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
    )


class Page:
    """The page, as a user meets it."""

    def __init__(self, browser, address: str, **options):
        self.page = browser.new_page(**options)
        self.page.set_default_timeout(_PATIENCE_MS)
        self.requests, self.errors = [], []
        # Playwright cannot take the methods of a list themselves.
        self.page.on("request", lambda request: self.requests.append(request))
        self.page.on("pageerror", lambda error: self.errors.append(error))
        self.page.goto(address)
        self.wait_for("Ready")

    def wait_for(self, status: str) -> None:
        """Waits for a status, or for an error, which is a failure."""
        self.page.wait_for_selector(
            f'#status:text("{status}"), #error:not(:empty)'
        )
        assert self.error() == ""

    def error(self) -> str:
        return self.page.text_content("#error")

    def choose(self, network: str, photo=None) -> None:
        """Chooses a network, then a photo, and waits for the result."""
        options = self.page.locator("#network option").all_text_contents()
        (index,) = [
            index
            for index, text in enumerate(options)
            if text.startswith(f"{network} (")
        ]
        if self.page.input_value("#network") != str(index):
            self.page.select_option("#network", str(index))
            self.wait_for("made in" if self.has_result() else "Ready")
        if photo is not None:
            self.page.set_input_files("#file", photo)
            self.wait_for("made in")

    def has_result(self) -> bool:
        return self.page.is_enabled("#download")

    def set_slider(self, selector: str, value: int) -> None:
        self.page.fill(selector, str(value))

    def download(self, path: pathlib.Path) -> np.ndarray:
        """Presses Download; returns the saved pixels, uint8 RGB."""
        with self.page.expect_download() as download:
            self.page.click("#download")
        download.value.save_as(path)
        with Image.open(path) as image:
            assert image.format == "PNG"
            return np.asarray(image.convert("RGB"))


@pytest.fixture
def open_page(browser, address):
    """Opens the page; in the end nothing may have gone wrong or outside."""
    pages = []

    def open_(**options):
        query = options.pop("query", "")
        target = options.pop("browser", browser)
        origin = options.pop("address", address)
        page = Page(target, origin + query, **options)
        pages.append((page, origin))
        return page

    yield open_
    for page, origin in pages:
        page.page.close()
        assert not page.errors
        for request in page.requests:
            assert request.method == "GET"
            assert request.url.startswith((origin, "blob:", "data:"))
