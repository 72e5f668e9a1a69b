"""Publishing a network: half the bytes, the same network, no private paths."""

import pathlib

import keras
import numpy as np
import pytest

from fastnst.networks import network_files
from fastnst.networks import saved_networks
from fastnst.networks import style_transfer_network

_SCRIPT = pathlib.Path(__file__).parents[1] / "experiments" / "publish.py"

pytestmark = pytest.mark.skipif(
    not _SCRIPT.is_file(), reason="without the repository"
)


@pytest.fixture(scope="module")
def publish(load_script):
    """The script as a module."""
    return load_script(_SCRIPT)


@pytest.fixture
def network():
    keras.utils.set_random_seed(0)
    network = style_transfer_network.StyleTransferNetwork(width=0.25)
    network.build()
    return network


def test_a_published_network_is_the_network_rounded(
    publish, network, tmp_path
):
    saved_networks.save(network, tmp_path / "whole.keras", {})
    publish.store_in_float16(
        tmp_path / "whole.keras", tmp_path / "half.keras"
    )
    loaded = saved_networks.load(tmp_path / "half.keras")
    assert loaded.style_names == network.style_names
    for value, whole in zip(loaded.get_weights(), network.get_weights()):
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, whole.astype(np.float16))
    whole, half = (
        (tmp_path / name).stat().st_size
        for name in ("whole.keras", "half.keras")
    )
    assert half < 0.65 * whole


def test_a_weight_that_float16_cannot_hold_is_refused(
    publish, network, tmp_path
):
    network.variables[0].assign(np.full(network.variables[0].shape, 1e6))
    saved_networks.save(network, tmp_path / "whole.keras", {})
    with pytest.raises(ValueError, match="float16"):
        publish.store_in_float16(
            tmp_path / "whole.keras", tmp_path / "half.keras"
        )


def test_a_network_that_float16_changes_visibly_is_refused(
    publish, network, tmp_path, monkeypatch
):
    saved_networks.save(network, tmp_path / "whole.keras", {})
    monkeypatch.setattr(
        publish, "_round", lambda file, name: file[name].write_direct(
            np.asarray(file[name]).round(1)
        )
    )
    publish.store_in_float16(
        tmp_path / "whole.keras", tmp_path / "coarse.keras"
    )
    assert 1.0 < publish.float16_effect(
        tmp_path / "whole.keras", tmp_path / "coarse.keras"
    )


def test_the_network_of_the_folder_and_its_card_are_published(
    network, tmp_path, run_script, monkeypatch
):
    # A network that ships has the name of the folder.
    monkeypatch.chdir(tmp_path)
    card = {"style_images": [{"path": str(tmp_path / "my.jpg")}], "steps": 7}
    pathlib.Path("wave").mkdir()
    saved_networks.save(network, pathlib.Path("wave/network.keras"), card)
    arguments = ["--workdir=wave", f"--output_dir={tmp_path}"]
    done = run_script(_SCRIPT, *arguments, "--name=mine", "--note=by hand")
    assert done.returncode == 0, done.stderr
    published = network_files.load_card("mine.keras")
    assert 0 < published.pop("float16_effect") < 1
    assert published == {
        "style_images": [{"path": "my.jpg"}],
        "steps": 7,
        "weights_stored_as": "float16",
        "note": "by hand",
    }
    loaded = saved_networks.load("mine.keras")
    assert loaded.count_params() == network.count_params()
    done = run_script(_SCRIPT, "--workdir=missing", "--name=mine")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "missing" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mine.json",
        "mine.keras",
        "wave",
    ]


def test_cards_keep_no_folders_of_the_machine():
    command = (
        "python -m fastnst.train --flagfile=experiments/a.flags "
        "--content_dataset={}photos{},{}more:0.5,synthetic:0.05,coco/2014 "
        "'--style_image={}the wave.jpg'"
    )
    card = {
        "command": command.format("/home/me/", "/", "~/", "/my pictures/"),
        "style_images": [{"path": "~/a b/wave.jpg", "sha256": "ab/cd"}],
        "started_from": {"command": "train --network=/runs/a/"},
        "flags": {"content_dataset": "/data/a/,b/c/,/d/e:0.1"},
        "steps": 3,
    }
    assert network_files.without_folders(card) == {
        "command": command.format("", "", "", ""),
        "style_images": [{"path": "wave.jpg", "sha256": "ab/cd"}],
        "started_from": {"command": "train --network=a"},
        "flags": {"content_dataset": "a,b/c/,e:0.1"},
        "steps": 3,
    }
