"""A new style for a trained network leaves the old ones as they were."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import style_transfer_network
from fastnst.training import style_objective
from fastnst.training import style_parameters
from fastnst.training import style_transfer_trainer

_WIDTH = 0.125
_ROWS = ("normalization/scale", "normalization/shift")
# Of the normalized convolutions: 4, 8, 16, ten of 16, 8 and 4.
_CHANNELS = 4 + 8 + 16 + 10 * 16 + 8 + 4


def _trainer(loss_network, preset, new=("c",)):
    keras.utils.set_random_seed(0)
    network = style_transfer_network.StyleTransferNetwork(
        preset, width=_WIDTH, style_names=("a", "b", *new)
    )
    network.build()
    for seed, variable in enumerate(network.variables):
        if variable.path.endswith(_ROWS):
            noise = np.random.default_rng(seed).normal(0.5, 0.1, variable.shape)
            variable.assign(noise.astype("float32"))
    generator = np.random.default_rng(1)
    objective = style_objective.StyleObjective(
        loss_network,
        [generator.uniform(0, 255, [16, 16, 3]).astype("float32") for _ in new],
        content_layer="relu3_3",
        content_weight=1.0,
        style_weights={"relu1_2": 1.0},
        tv_weight=1e-6,
    )
    trained = style_parameters.freeze(network, len(new))
    trainer = style_transfer_trainer.StyleTransferTrainer(
        network, objective, num_frozen_styles=2
    )
    trainer.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    trainer.optimizer.build(network.trainable_variables)
    return trainer, trained


@pytest.mark.parametrize("preset", style_transfer_network.PRESETS)
def test_old_styles_stay_bit_for_bit_and_the_new_one_learns(
    tiny_loss_network, content_batches, preset
):
    trainer, _ = _trainer(tiny_loss_network, preset)
    network = trainer.transform_network
    before = [np.array(variable) for variable in network.variables]
    image = np.random.default_rng(3).uniform(0, 255, [1, 16, 16, 3])
    image = image.astype("float32")
    pictures = [np.asarray(network(image, row[None])) for row in _styles(3)]
    step = tf.function(trainer.train_step)
    (batch,) = content_batches(1)
    losses = [float(step(batch)["loss"][0]) for _ in range(8)]
    assert losses[-1] < losses[0]
    changed = 0
    for variable, old in zip(network.variables, before, strict=True):
        now = np.array(variable)
        if variable.path.endswith(_ROWS):
            assert now[:2].tobytes() == old[:2].tobytes()
            changed += np.any(now[2] != old[2])
        else:
            assert now.tobytes() == old.tobytes(), variable.path
    assert changed == 30
    after = [np.asarray(network(image, row[None])) for row in _styles(3)]
    np.testing.assert_array_equal(after[:2], pictures[:2])
    assert np.abs(after[2] - pictures[2]).max() > 1


def _styles(count):
    return np.eye(count, dtype=np.float32)


def test_the_number_of_trained_parameters(tiny_loss_network):
    for new in (("c",), ("c", "d")):
        _, trained = _trainer(tiny_loss_network, "default", new)
        assert trained == 2 * _CHANNELS * len(new)
