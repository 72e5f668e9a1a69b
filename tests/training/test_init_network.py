"""A network starts where one that was trained before ended."""

import hashlib

from absl.testing import flagsaver
import keras
import numpy as np
import pytest

from fastnst import init_flags
from fastnst.networks import saved_networks
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network
from fastnst.training import init_network


def _network(seed=0, styles=("a",), preset="default", **options):
    keras.utils.set_random_seed(seed)
    network = style_transfer_network.StyleTransferNetwork(
        preset, style_names=styles, **{"width": 0.125, **options}
    )
    network.build()
    # What training would change: not the ones and zeros of new layers.
    for variable in network.variables:
        noise = np.random.default_rng(seed).normal(0.5, 0.1, variable.shape)
        variable.assign(noise.astype("float32"))
    return network


def _save(network, path, **card):
    saved_networks.save(network, path, card)
    return str(path)


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_the_new_network_computes_what_the_old_one_did(tmp_path, preset):
    old = _network(1, preset=preset)
    path = _save(old, tmp_path / "old.keras")
    new = _network(2, styles=("another name",), preset=preset)
    init_network.copy_weights(path, new)
    images = np.random.default_rng(0).uniform(0, 255, [1, 16, 20, 3])
    np.testing.assert_array_equal(
        np.asarray(new(images.astype("float32"))),
        np.asarray(old(images.astype("float32"))),
    )


def test_a_training_knows_the_network_that_it_began_with(tmp_path):
    path = tmp_path / "network.keras"
    facts = []
    with flagsaver.as_parsed(init_network=str(path)):
        for content in (b"one", b"another", b"one"):
            path.write_bytes(content)
            facts.append(init_flags.facts())
    assert facts[0] == facts[2] != facts[1]


def test_a_super_resolution_network_continues(tmp_path):
    make = super_resolution_network.SuperResolutionNetwork
    old = make(width=0.125)
    old.build()
    for number, variable in enumerate(old.variables):
        generator = np.random.default_rng(number)
        variable.assign(generator.normal(0, 0.1, variable.shape))
    path = _save(old, tmp_path / "old.keras")
    # Layers made later in one process have other names.
    new = make(width=0.125)
    new.build()
    init_network.copy_weights(path, new)
    image = np.random.default_rng(0).uniform(0, 255, [1, 8, 9, 3])
    expected = np.asarray(old(image))
    np.testing.assert_array_equal(np.asarray(new(image)), expected)


def test_every_new_style_starts_as_the_old_one(tmp_path):
    old = _network(1)
    path = _save(old, tmp_path / "old.keras")
    new = _network(2, styles=("a", "b", "c"))
    init_network.copy_weights(path, new)
    image = np.full([1, 16, 16, 3], 99.0, np.float32)
    image[:, 4:9, 3:] = 10.0
    expected = np.asarray(old(image))
    for style in np.eye(3, dtype=np.float32):
        found = np.asarray(new(image, style[None]))
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_styles_keep_their_rows_by_name_and_new_ones_start_from_the_mean(
    tmp_path,
):
    old = _network(1, styles=("a", "b", "c"))
    path = _save(old, tmp_path / "old.keras")
    new = _network(2, styles=("c", "new", "a"))
    init_network.copy_weights(path, new)
    rows = 0
    for found, before in zip(new.variables, old.variables, strict=True):
        before = np.asarray(before)
        if before.shape[0] == 3 and before.ndim == 2:
            before = np.stack([before[2], before.mean(0), before[0]])
            rows += 1
        np.testing.assert_array_equal(np.asarray(found), before)
    # Fifteen convolutions are normalized.
    assert rows == 2 * 15
    image = np.random.default_rng(0).uniform(0, 255, [1, 16, 16, 3])
    image = image.astype("float32")
    np.testing.assert_array_equal(
        np.asarray(new(image, np.float32([[0, 0, 1]]))),
        np.asarray(old(image, np.float32([[1, 0, 0]]))),
    )


def test_a_network_of_one_style_takes_its_row_of_many(tmp_path):
    old = _network(1, styles=("a", "b"))
    path = _save(old, tmp_path / "old.keras")
    new = _network(2, styles=("b",))
    init_network.copy_weights(path, new)
    image = np.full([1, 16, 16, 3], 99.0, np.float32)
    image[:, 4:9, 3:] = 10.0
    np.testing.assert_array_equal(
        np.asarray(new(image)), np.asarray(old(image, np.float32([[0, 1]])))
    )


def test_a_training_in_another_precision_starts_from_the_same_numbers(
    tmp_path,
):
    path = _save(_network(1), tmp_path / "old.keras")
    new = _network(2, dtype="mixed_bfloat16")
    init_network.copy_weights(path, new)
    for found, expected in zip(new.variables, _network(1).variables):
        np.testing.assert_array_equal(found, expected)


def test_the_card_counts_the_steps_of_a_chain(tmp_path):
    path = _save(
        _network(),
        tmp_path / "old.keras",
        description="a: 30 steps",
        command="train",
        steps=10,
        total_steps=30,
        started_from={"steps": 20},
        losses={"loss": 1.0},
    )
    told = init_network.copy_weights(path, _network(2))
    assert told == {
        "network": path,
        "sha256": hashlib.sha256(
            (tmp_path / "old.keras").read_bytes()
        ).hexdigest(),
        "description": "a: 30 steps",
        "command": "train",
        "steps": 10,
        "total_steps": 30,
        "started_from": {"steps": 20},
    }
    # Cards of earlier versions, and none.
    card = tmp_path / "old.json"
    for text, total in (('{"steps": 7}', 7), ("{}", 0)):
        card.write_text(text)
        told = init_network.copy_weights(path, _network(2))
        assert told["total_steps"] == total


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 0.25}, ["width=0.25", "width=0.125"]),
        ({"preset": "paper"}, ["preset=paper", "preset=default"]),
    ],
)
def test_a_network_that_does_not_fit_is_refused(tmp_path, options, words):
    path = _save(_network(styles=("a", "b")), tmp_path / "old.keras")
    new = _network(2, **options)
    before = [np.asarray(variable) for variable in new.variables]
    with pytest.raises(ValueError, match="--init_network=.*old.k") as caught:
        init_network.copy_weights(path, new)
    assert all(word in str(caught.value) for word in words)
    for variable, value in zip(new.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_network_of_the_other_task_is_refused(tmp_path):
    sharp = super_resolution_network.SuperResolutionNetwork(width=0.125)
    sharp.build()
    path = _save(sharp, tmp_path / "sharp.keras")
    with pytest.raises(ValueError, match="Received: SuperResolutionNetwork"):
        init_network.copy_weights(path, _network())
