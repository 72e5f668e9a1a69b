import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import style_transfer_network
from fastnst.training import per_style
from fastnst.training import training_step

pytestmark = pytest.mark.usefixtures("one_residual_block")
both_presets = pytest.mark.parametrize(
    "preset", style_transfer_network.PRESETS
)
_TERMS = ["content", "style_relu1_2", "style_relu3_3", "total_variation"]


def test_a_step_logs_every_term_weighted_and_not(
    style_trainer, content_batches
):
    trainer = style_trainer()
    (batch,) = content_batches(1)
    logs = per_style.without_sums(trainer.train_step(batch))
    weighted = [f"weighted_{term}" for term in _TERMS]
    assert sorted(logs) == sorted(
        [*_TERMS, *weighted, "loss", "gradient_norm"]
    )
    for value in logs.values():
        # What Keras needs to average over workers.
        assert value.shape == (1,) and value.dtype == tf.float32
        assert np.isfinite(value).all() and np.all(value > 0)
    np.testing.assert_allclose(
        logs["loss"], sum(logs[name] for name in weighted), rtol=1e-5
    )
    for term in _TERMS:
        weight = trainer.objective.weights[term]
        np.testing.assert_allclose(
            logs[f"weighted_{term}"], weight * logs[term], rtol=1e-6
        )


def test_only_the_transform_network_changes(
    style_trainer, content_batches
):
    trainer = style_trainer()
    network = trainer.transform_network
    before = [weight.value.numpy() for weight in network.weights]
    for batch in content_batches(2):
        trainer.train_step(batch)
    for weight, value in zip(network.weights, before):
        assert np.abs(weight.value - value).max() > 0, weight.path
    # What a checkpoint of the trainer would hold.
    held = {id(variable) for variable in trainer.trainable_variables}
    assert held == {id(variable) for variable in network.trainable_variables}
    assert trainer.data_position.numpy() == 8
    assert trainer.optimizer.iterations.numpy() == 2


def test_the_gradient_is_that_of_the_objective(
    style_trainer, content_batches
):
    trainer = style_trainer()
    network, objective = trainer.transform_network, trainer.objective
    (batch,) = content_batches(1)
    images = batch[0]
    blend = tf.one_hot([0, 1, 2, 0], 3)
    with tf.GradientTape() as tape:
        stylized = network(images, blend, training=True)
        terms = objective.terms(
            stylized, objective.content_features(images), blend
        )
        loss = tf.reduce_mean(objective.total(terms))
    gradients = tape.gradient(loss, network.trainable_weights)
    logs = trainer.train_step(batch)
    np.testing.assert_allclose(logs["loss"], [loss], rtol=1e-5)
    np.testing.assert_allclose(
        logs["gradient_norm"], [tf.linalg.global_norm(gradients)], rtol=1e-4
    )


def test_every_image_has_its_turn_of_the_styles(
    style_trainer
):
    trainer = style_trainer()
    seen = []
    for step in range(3):
        trainer.optimizer.iterations.assign(step)
        seen.extend(np.argmax(trainer._styles_in_turn(tf.constant(4)), 1))
    assert seen == [0, 1, 2] * 4


def test_a_step_tells_the_styles_apart(style_trainer, content_batches):
    trainer = style_trainer()
    objective = trainer.objective
    (batch,) = content_batches(1)
    blend = tf.one_hot([0, 1, 2, 0], 3)
    stylized = trainer.transform_network(batch[0], blend, training=True)
    terms = objective.terms(
        stylized, objective.content_features(batch[0]), blend
    )
    # All weights of style layers are 1 here.
    style = np.add(terms["style_relu1_2"], terms["style_relu3_3"])
    found = per_style.means([trainer.train_step(batch)])
    assert found == pytest.approx(
        {
            "style_of_one": (style[0] + style[3]) / 2,
            "style_of_two": style[1],
            "style_of_three": style[2],
        },
        rel=1e-4,
    )


def test_a_training_makes_the_loss_smaller(
    style_trainer, content_batches
):
    trainer = style_trainer(learning_rate=2e-2)
    step = tf.function(trainer.train_step)
    losses = [
        float(step(batch)["loss"][0]) for batch in content_batches(40)
    ]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])


@both_presets
def test_mixed_bfloat16_has_float32_losses_and_weights(
    style_trainer, content_batches, preset
):
    exact = style_trainer(preset)
    rounded = style_trainer(preset, dtype="mixed_bfloat16")
    (batch,) = content_batches(1)
    # Sums of one image or two are rounded more than means of all.
    expected, logs = [
        per_style.without_sums(trainer.train_step(batch))
        for trainer in (exact, rounded)
    ]
    for name, value in logs.items():
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, expected[name], rtol=0.1)
    # float32 holds values between those of bfloat16.
    loss = logs["loss"]
    assert tf.cast(tf.cast(loss, tf.bfloat16), tf.float32) != loss
    assert {w.dtype for w in rounded.transform_network.weights} == {"float32"}


@pytest.mark.slow
@both_presets
def test_two_steps_compiled_by_xla_are_two_steps(
    style_trainer, content_batches, preset
):
    results = []
    for jit_compile in (False, True):
        trainer = style_trainer(
            preset, jit_compile=jit_compile
        )
        run = trainer.fit(content_batches(2), verbose=0, shuffle=False)
        results.append((run.history["loss"], trainer.transform_network.weights))
        assert trainer.optimizer.iterations.numpy() == 2
        assert trainer.data_position.numpy() == 8
    (plain, weights), (compiled, others) = results
    np.testing.assert_allclose(compiled, plain, rtol=1e-3)
    for one, other in zip(weights, others):
        if not one.trainable:
            continue
        # Adam moves by the learning rate whatever the gradient's size, so
        # where that is rounding only, two steps may end two apart.
        np.testing.assert_allclose(other.value, one.value, atol=4.1e-3)
        difference = np.linalg.norm(other.value - one.value)
        assert difference < 0.02 * np.linalg.norm(one.value) + 0.01


def test_a_gradient_far_longer_than_usual_is_shortened():
    usual = training_step.usual_gradient_norm()
    gradient = [tf.constant([3.0, 4.0])]

    def clipped(factor):
        scaled = [factor * part for part in gradient]
        norm = tf.linalg.global_norm(scaled)
        (result,) = training_step._clipped(scaled, norm, usual)
        return result.numpy()

    # The first tells what is usual; up to twice as long nothing changes.
    np.testing.assert_allclose(clipped(1.0), [3, 4], rtol=1e-6)
    np.testing.assert_allclose(usual, 5.0, rtol=1e-6)
    np.testing.assert_allclose(clipped(1.9), [5.7, 7.6], rtol=1e-6)
    usual.assign(5.0)
    np.testing.assert_allclose(clipped(100.0), [6, 8], rtol=1e-6)
    # One that was shortened counts as long as it is allowed to be.
    np.testing.assert_allclose(usual, 0.99 * 5 + 0.01 * 10, rtol=1e-6)
    np.testing.assert_array_equal(clipped(0.0), [0, 0])


_ON_TWO_DEVICES = """
import importlib.util, json, sys
import numpy as np
import tensorflow as tf
from fastnst.networks import style_transfer_network
from fastnst.training import per_style

def load(path):
    spec = importlib.util.spec_from_file_location("fixtures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
fixtures = load(sys.argv[1])
preset = sys.argv[2]
style_transfer_network._NUM_RESIDUAL_BLOCKS = 1
trained = []
for strategy in (
    tf.distribute.OneDeviceStrategy("/cpu:0"),
    tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"]),
):
    with strategy.scope():
        # With a small epsilon Adam moves a weight whose gradient is rounding
        # by the whole learning rate, whatever the devices.
        trainer = fixtures.make_style_trainer(preset, epsilon=1e-3)
    history = trainer.fit(
        fixtures.make_content_batches(5), epochs=5, steps_per_epoch=1,
        verbose=0, shuffle=False,
    ).history
    # A bias before batch normalization has no gradient but rounding.
    weights = [
        weight.value.numpy()
        for weight in trainer.transform_network.trainable_weights
        if preset == "default" or not weight.path.endswith("tion/bias")
    ]
    steps = [dict(zip(history, step)) for step in zip(*history.values())]
    history = per_style.without_sums(history) | per_style.means(steps)
    trained.append((np.concatenate([w.ravel() for w in weights]), history))
    assert trainer.data_position.numpy() == 20
(one, alone), (two, together) = trained
result = {
    "weights": float(np.linalg.norm(two - one) / np.linalg.norm(one)),
    "logs": max(
        float(np.max(np.abs(np.divide(together[name], alone[name]) - 1)))
        for name in alone
    ),
    "replicas": strategy.num_replicas_in_sync,
    "steps": len(together["loss"]),
}
print("RESULT" + json.dumps(result))
"""


@pytest.mark.parametrize(
    "preset, logs, weights",
    # Batch normalization rounds the statistics of two replicas otherwise.
    [
        ("default", 1e-5, 1e-5),
        pytest.param("paper", 1e-3, 1e-5, marks=pytest.mark.slow),
    ],
)
def test_two_devices_train_as_one(preset, logs, weights):
    # A process each: two sets of mirrored devices disturb each other.
    fixtures = pathlib.Path(__file__).parents[1] / "conftest.py"
    finished = subprocess.run(
        [
            sys.executable,
            "-c",
            _ON_TWO_DEVICES,
            str(fixtures),
            preset,
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    result = json.loads(finished.stdout.rpartition("RESULT")[2])
    print(result)
    assert (result["replicas"], result["steps"]) == (2, 5)
    assert result["weights"] < weights
    assert result["logs"] < logs
