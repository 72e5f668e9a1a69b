"""The README of the networks says what is known, and nothing else."""

import json
import pathlib
import zipfile

import pytest

from fastnst.networks import network_files

_SCRIPT = pathlib.Path(__file__).parents[1] / "experiments" / "model_cards.py"

pytestmark = pytest.mark.skipif(
    not _SCRIPT.is_file(), reason="without the repository"
)


@pytest.fixture(scope="module")
def model_cards(load_script):
    """The script as a module."""
    return load_script(_SCRIPT)


@pytest.fixture
def folder(tmp_path):
    """Holds the network "tiles", of one style and one stage."""
    saved = {
        "registered_name": "fastnst>StyleTransferNetwork",
        "config": {"style_names": ["tiles"]},
    }
    with zipfile.ZipFile(tmp_path / "tiles.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(saved))
    card = {
        "style_images": [{"name": "tiles", "sha256": "ab" * 32}],
        "steps": 30,
        "flags": {
            "batch_size": "4",
            "image_size": "64,128",
            "task": "style_transfer",
            "tv_weight": "2e-06",
            "stability_weight": "0.0",
            "style_layers": "relu1_2,relu2_2",
        },
        "command": "train",
    }
    (tmp_path / "tiles.json").write_text(json.dumps(card))
    return tmp_path


_KNOWN = {
    "trained_on": {"photographs": "ours", "commercial_use": "yes"},
    "styles": {"tiles": {"artist": "A. Mason", "year": "1900"}},
    "networks": {},
}


def test_what_is_not_known_is_left_out(model_cards, folder):
    text = model_cards.readme(folder, _KNOWN, folder / "missing")
    assert "A. Mason, 1900, picture sha256 abababababababab..." in text
    assert "training | 30 steps; batches of 4 at 64, then 128 pixels |" in text
    assert (
        "| weights | style_weights 5 / C^2 of each layer, tv_weight 2e-06 |"
        in text
    )
    unknown = "objective defects machine L-BFGS None note stored"
    for word in unknown.split():
        assert word not in text.partition("## ")[2]


def test_what_float16_does_to_pixels_is_told(model_cards, folder):
    path = folder / "tiles.json"
    card = json.loads(path.read_text())
    card |= {"weights_stored_as": "float16", "float16_effect": 0.18}
    path.write_text(json.dumps(card))
    text = model_cards.readme(folder, _KNOWN, folder / "missing")
    assert "stored in float16, which moves pixels by 0.18 of 255 |" in text


def test_what_was_measured_is_told(model_cards, folder):
    measured = folder / "measured/tiles/tiles"
    measured.mkdir(parents=True)
    (measured / "objective.csv").write_text(
        "size,photos,image,term,weighted_mean\n"
        "256,50,network,content,3\n"
        "256,50,network,objective,12345.678\n"
    )
    (measured / "artifacts.csv").write_text(
        "size,photos,border_ratio,checkerboard_period_2,"
        "checkerboard_period_4,burnt_share\n256,50,1.5,2.25,3,0.001\n"
    )
    for name, pan in (("flicker", 4.222), ("flicker_before", 10.161)):
        (measured / f"{name}.csv").write_text(
            "style,size,photos,noise,pan\n"
            f"other,256,3,9,99\ntiles,256,3,-0.1836,{pan}\n"
        )
    (measured / "objective_lbfgs.csv").write_text(
        "size,start,photos,crossed,iterations\n"
        "256,noise,50,50,45.04\n256,content,50,49,15.5\n"
    )
    text = model_cards.readme(folder, _KNOWN, folder / "measured")
    assert (
        "equals | 45 iterations of L-BFGS from noise (50 photographs, 256 "
        "pixels; style layers relu1_2, relu2_2) |" in text
    )
    assert "equals | at least 15.5 iterations of L-BFGS from content" in text
    assert "pan 99" not in text
    assert text.index("noise -0.18, pan 4.22 ") < text.index("pan 10.16 ")
    assert text.count("`tiles`: objective | 1.235e+04 (network; 50") == 1
    assert "border_ratio 1.5 (bound 3)" in text


def test_a_loss_network_says_who_taught_it_what(model_cards, folder):
    (folder / "small.npz").write_bytes(bytes(123_456))
    card = {
        "description": "VGG16, narrow",
        "teacher": {"name": "VGG16", "sha256": "cd" * 32},
        "started_from": {"sha256": "ef" * 32},
        "steps": 70,
        "flags": {
            "batch_size": "8",
            "image_size": "64",
            "networks": "tiles,waves",
            "init_weights": "first.npz",
        },
    }
    (folder / "small.json").write_text(json.dumps(card))
    known = {**_KNOWN, "networks": {"small": {"measured": ["well"]}}}
    text = model_cards.readme(folder, known, folder / "missing")
    section = text.partition("## `small`")[2]
    assert "| what, size | VGG16, narrow, 0.1 MB |" in section
    assert "| teacher | VGG16, sha256 cdcdcdcdcdcdcdcd... |" in section
    assert "70 steps from `first.npz`, sha256 efefefefefefefef..." in section
    assert "at 64 pixels; photographs stylized by tiles, waves |" in section
    assert "| measured | well |" in section


def test_every_shipped_network_and_style_is_known(model_cards):
    known = model_cards.facts()
    for name in network_files.list_networks():
        assert known["networks"][name]["text"]
        for style in network_files.describe(name).styles:
            assert {"artist", "year", "rights"} <= set(known["styles"][style])
