"""What the page asks of whatever serves it."""

import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def development_server(built, tmp_path_factory):
    """The address of the page as `fastnst.serve` hands it out."""
    pytest.importorskip("werkzeug")
    process = subprocess.Popen(
        [
            *(sys.executable, "-u", "-m", "fastnst.serve"),
            f"--web={built}",
            f"--networks={tmp_path_factory.mktemp('none')}",
            *("--rest_port=0", "--nogrpc"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    assert line.startswith("REST at ")
    yield line.removeprefix("REST at ").strip() + "/"
    process.terminate()
    assert process.wait(60) == 0


def test_the_development_server_shows_the_same(
    open_page, development_server, photo, tmp_path
):
    results = []
    for options in ({}, {"address": development_server}):
        page = open_page(**options)
        page.choose("style", photo)
        results.append(page.download(tmp_path / f"{len(results)}.png"))
    assert results[0].std() > 20
    np.testing.assert_array_equal(results[1], results[0])


@pytest.mark.parametrize("missing", ["wasm", "tflite"])
def test_a_part_that_is_missing_is_named(browser, address, missing):
    context = browser.new_context()
    context.route(f"**/*.{missing}", lambda route: route.fulfill(status=404))
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#error:not(:empty)")
    assert "cannot be loaded" in page.text_content("#error")
    context.close()


def test_only_the_first_load_asks_the_server(open_page, photo, address):
    page = open_page()
    page.choose("style", photo)
    paths = {
        request.url.removeprefix(address)
        for request in page.requests
        if request.url.startswith(address)
    }
    assert "networks/style.tflite" in paths
    assert "litert/core.js" in paths
    count = len(page.requests)
    page.choose("style", photo)
    new = page.requests[count:]
    assert all(request.url.startswith("blob:") for request in new)
