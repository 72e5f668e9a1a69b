"""The contact sheet: every style has its place, and the file is whole."""

import pathlib

import keras
import numpy as np
import pytest

from fastnst.data import image_files
from fastnst.inference import transform
from fastnst.networks import saved_networks
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network

_EXPERIMENTS = pathlib.Path(__file__).parents[1] / "experiments"
_SCRIPT = _EXPERIMENTS / "gallery.py"
_LABEL, _GAP = 28, 8

pytestmark = pytest.mark.skipif(
    not _SCRIPT.is_file(), reason="without the repository"
)


def test_strips_lie_in_rows_below_their_labels(load_script):
    contact_sheet = load_script(_EXPERIMENTS / "contact_sheet.py")
    strips = [
        (f"strip {shade}", [np.full([32, 32, 3], shade, np.uint8)] * 2)
        for shade in (10, 90, 170)
    ]
    sheet = contact_sheet.sheet(strips, 2)
    assert sheet.shape == (2 * (_LABEL + 32 + _GAP) + _GAP, 2 * (64 + 16), 3)
    for number, shade in enumerate((10, 90, 170)):
        top = number // 2 * (_LABEL + 32 + _GAP)
        left = number % 2 * (64 + 16) + _GAP
        below = top + _LABEL
        assert np.all(sheet[below : below + 32, left : left + 64] == shade)
        label = sheet[top:below, left : left + 64]
        assert label.min() < 60 < 200 < label.mean()
    # No fourth strip.
    assert np.all(sheet[-(32 + _GAP) :, 80:] == 255)


def test_the_sheet_shows_what_the_networks_make(tmp_path, run_script):
    keras.utils.set_random_seed(0)
    network = style_transfer_network.StyleTransferNetwork(
        width=0.125, style_names=("a", "b")
    )
    sharp = super_resolution_network.SuperResolutionNetwork(width=0.125)
    for name, each in (("two", network), ("sharp", sharp)):
        each.build((None, None, None, 3))
        saved_networks.save(each, tmp_path / f"{name}.keras", {})
    photo = np.random.default_rng(0).integers(0, 256, [32, 32, 3], np.uint8)
    image_files.write_image(tmp_path / "photo.png", photo)
    done = run_script(
        _SCRIPT,
        f"--networks={tmp_path}/sharp.keras,{tmp_path}/two.keras",
        f"--images={tmp_path}/photo.png",
        f"--output={tmp_path}/sheet.png",
        "--size=32",
        "--columns=3",
    )
    assert done.returncode == 0, done.stderr
    assert "2 styles" in done.stdout
    sheet = image_files.read_image(tmp_path / "sheet.png").rgb
    transformer = transform.ImageTransformer(network)
    expected = [photo, *(transformer.stylize(photo, s) for s in "ab")]
    for number, picture in enumerate(expected):
        left = number * (32 + 16) + _GAP
        found = sheet[_LABEL : _LABEL + 32, left : left + 32].astype(int)
        assert np.abs(found - picture).max() <= 1
