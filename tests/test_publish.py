"""Publishing a network: half the bytes, the same network, no private paths."""

import pathlib

import keras
import numpy as np
import pytest

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
    network = style_transfer_network.StyleTransferNetwork("paper", width=0.25)
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


def test_cards_keep_no_folders_of_the_machine(publish):
    card = {
        "command": "python -m fastnst.train --flagfile=experiments/a.flags "
        "--content_dataset=/home/me/photos,/data/more:0.5,synthetic:0.05,"
        "coco/2014 '--style_image=/home/me/the wave.jpg'",
        "style_images": [{"path": "~/pictures/wave.jpg", "sha256": "ab/cd"}],
        "steps": 3,
    }
    assert publish.without_folders(card) == {
        "command": "python -m fastnst.train --flagfile=experiments/a.flags "
        "--content_dataset=photos,more:0.5,synthetic:0.05,"
        "coco/2014 '--style_image=the wave.jpg'",
        "style_images": [{"path": "wave.jpg", "sha256": "ab/cd"}],
        "steps": 3,
    }
