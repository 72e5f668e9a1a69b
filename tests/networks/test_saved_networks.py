"""Trained networks survive the disk, and nothing else passes for one."""

import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import network_files
from fastnst.networks import saved_networks
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network

_STYLES = ("wave", "mosaic")


def _network(seed=1, **options):
    keras.utils.set_random_seed(seed)
    network = style_transfer_network.StyleTransferNetwork(
        width=0.125, style_names=_STYLES, **options
    )
    network.build((None, None, None, 3))
    return network


def _picture(seed=0):
    generator = np.random.default_rng(seed)
    return generator.uniform(0, 255, (1, 13, 10, 3)).astype(np.float32)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A package that ships the networks "ocean" and "tiles"."""
    folder = tmp_path / "pretrained"
    monkeypatch.setattr(network_files, "PRETRAINED", folder)
    for seed, name in enumerate(("tiles", "ocean")):
        card = {"description": f"It is {name}."}
        saved_networks.save(_network(seed), folder / f"{name}.keras", card)
    return folder


@pytest.mark.parametrize("preset", style_transfer_network.PRESETS)
def test_a_loaded_network_computes_the_same(tmp_path, preset):
    network = _network(preset=preset)
    saved_networks.save(network, tmp_path / "network.keras", {"steps": 3})
    loaded = saved_networks.load(tmp_path)
    np.testing.assert_array_equal(loaded(_picture()), network(_picture()))
    assert loaded.style_names == _STYLES
    assert loaded.preset == preset
    assert network_files.load_card(tmp_path) == {"steps": 3}


def test_a_super_resolution_network_is_described_and_loaded(tmp_path):
    network = super_resolution_network.SuperResolutionNetwork(width=0.125)
    network.build((None, None, None, 3))
    path = tmp_path / "enlarge.keras"
    saved_networks.save(network, path, {})
    np.testing.assert_array_equal(
        saved_networks.load(path)(_picture()), network(_picture())
    )
    described = network_files.describe(path)
    assert (described.task, described.factor) == ("super_resolution", 4)
    assert described.styles == ()


def test_a_network_trained_in_bfloat16_is_saved_in_float32(tmp_path):
    network = _network(dtype="mixed_bfloat16")
    saved_networks.save(network, tmp_path / "network.keras", {})
    assert network.compute_dtype == "bfloat16"
    loaded = saved_networks.load(tmp_path)
    assert loaded.compute_dtype == "float32"
    for found, expected in zip(loaded.get_weights(), network.get_weights()):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)


def test_a_file_that_is_not_float32_is_refused(tmp_path):
    _network(dtype="mixed_bfloat16").save(tmp_path / "network.keras")
    with pytest.raises(ValueError, match="must hold a float32 network"):
        saved_networks.load(tmp_path)


def test_with_dtype_policy_copies_the_weights():
    network = _network()
    assert saved_networks.with_dtype_policy(network, "float32") is network
    twin = saved_networks.with_dtype_policy(network, "mixed_bfloat16")
    assert twin.compute_dtype == "bfloat16"
    for copied, weight in zip(twin.get_weights(), network.get_weights()):
        np.testing.assert_array_equal(copied, weight)
    # Weights of no training amplify the rounding.
    difference = np.abs(twin(_picture()) - network(_picture()))
    assert 0 < difference.mean() < 10
    network.set_weights([np.zeros_like(w) for w in network.get_weights()])
    assert any(np.any(weight) for weight in twin.get_weights())


def test_names_files_and_workdirs(shipped, tmp_path, monkeypatch):
    assert network_files.list_networks() == ["ocean", "tiles"]
    ocean = shipped / "ocean.keras"
    assert network_files.resolve("ocean") == ocean
    assert network_files.resolve(str(ocean)) == ocean
    assert network_files.load_card("ocean")["description"] == "It is ocean."
    described = network_files.describe("ocean")
    assert described.styles == _STYLES
    assert described.num_bytes == ocean.stat().st_size
    assert described.text == "It is ocean."
    # A workdir that has the name of a shipped network needs its "./".
    monkeypatch.chdir(tmp_path)
    saved_networks.save(_network(), "ocean/network.keras", {})
    assert network_files.resolve("ocean") == ocean
    assert network_files.resolve("./ocean").name == "network.keras"


@pytest.mark.parametrize("name", ["lost", "", "lost.keras", "lost/x", "o\0n"])
def test_an_unknown_name_lists_what_exists(shipped, name):
    with pytest.raises(ValueError, match="ocean, tiles"):
        network_files.resolve(name)


def test_a_folder_without_a_network_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no network.keras"):
        saved_networks.load(tmp_path)


def test_the_tasks_of_files_are_those_of_the_classes():
    for name, task in network_files.TASKS.items():
        assert keras.saving.get_registered_object(name).task == task


def test_a_missing_card_is_empty_and_a_damaged_one_is_refused(shipped):
    card = shipped / "ocean.json"
    card.write_text("{")
    with pytest.raises(ValueError, match="ocean.json is no JSON"):
        network_files.load_card("ocean")
    card.write_text("[]")
    with pytest.raises(ValueError, match="one JSON object"):
        network_files.load_card("ocean")
    card.unlink()
    assert network_files.load_card("ocean") == {}


def _cut(data):
    return data[: len(data) // 2]


def _flip_the_weights(data):
    middle = len(data) // 2
    flipped = bytes(byte ^ 255 for byte in data[middle : middle + 4096])
    return data[:middle] + flipped + data[middle + 4096 :]


@pytest.mark.parametrize(
    "damage",
    [_cut, _flip_the_weights, lambda data: b"", lambda data: b"no zip file"],
)
def test_a_damaged_file_is_one_clear_line(tmp_path, damage):
    path = tmp_path / "network.keras"
    saved_networks.save(_network(), path, {})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="damaged") as raised:
        saved_networks.load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_of_other_weights_is_refused(tmp_path):
    path = tmp_path / "network.keras"
    saved_networks.save(_network(), path, {})
    _rewrite_config(path, lambda saved: saved["config"].update(width=0.25))
    with pytest.raises(ValueError, match="cannot be loaded"):
        saved_networks.load(path)


def test_an_unknown_class_is_refused_before_it_is_built(tmp_path):
    path = tmp_path / "network.keras"
    saved_networks.save(_network(), path, {})
    _rewrite_config(path, lambda saved: saved.update(registered_name="a>B"))
    with pytest.raises(ValueError, match="'a>B'"):
        saved_networks.load(path)


def test_another_keras_model_is_refused(tmp_path):
    path = tmp_path / "dense.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(ValueError, match="no network that this version"):
        saved_networks.load(path)


def _rewrite_config(path, change):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    saved = json.loads(members["config.json"])
    change(saved)
    members["config.json"] = json.dumps(saved).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def test_a_full_disk_leaves_the_old_network(tmp_path, full_disk):
    path = tmp_path / "network.keras"
    network = _network()
    saved_networks.save(network, path, {"steps": 1})
    with pytest.raises(OSError), full_disk(50_000):
        saved_networks.save(_network(2), path, {"steps": 2})
    assert sorted(found.name for found in tmp_path.iterdir()) == [
        "network.json",
        "network.keras",
    ]
    assert network_files.load_card(path) == {"steps": 1}
    np.testing.assert_array_equal(
        saved_networks.load(path)(_picture()), network(_picture())
    )


def test_save_refuses_what_it_could_not_read_back(tmp_path):
    network = _network()
    with pytest.raises(ValueError, match="must end in .keras"):
        saved_networks.save(network, tmp_path / "network.h5", {})
    with pytest.raises(ValueError):
        path = tmp_path / "network.keras"
        saved_networks.save(network, path, {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_loaded_network_can_be_trained_on(tmp_path):
    saved_networks.save(_network(), tmp_path / "network.keras", {})
    loaded = saved_networks.load(tmp_path)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(loaded(_picture(), training=True))
    gradients = tape.gradient(loss, loaded.trainable_variables)
    assert len(gradients) == len(loaded.trainable_variables) > 0
    assert all(gradient is not None for gradient in gradients)
