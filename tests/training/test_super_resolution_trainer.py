"""Training super-resolution: what a step does, and going on after a stop."""

from PIL import Image
import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.data import content_images
from fastnst.data import super_resolution_pairs
from fastnst.networks import super_resolution_network
from fastnst.training import callbacks
from fastnst.training import run
from fastnst.training import super_resolution_objective
from fastnst.training import super_resolution_trainer


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three pictures of smooth noise, of different sizes."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for number, size in enumerate([(60, 50), (48, 64), (40, 40)]):
        small = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
        picture.save(folder / f"{number}.png")
    return folder


@pytest.fixture
def build(tiny_loss_network):
    """Builds a tiny trainer, always the same one."""

    def trainer(preset="default", jit_compile=False, **weights):
        keras.utils.set_random_seed(0)
        network = super_resolution_network.SuperResolutionNetwork(
            4, preset, 0.05
        )
        network.build()
        weights = weights or {"pixel_weight": 1.0, "feature_weight": 0.0}
        objective = super_resolution_objective.SuperResolutionObjective(
            tiny_loss_network, feature_layer="relu1_2", **weights
        )
        result = super_resolution_trainer.SuperResolutionTrainer(
            network, objective
        )
        result.compile(keras.optimizers.Adam(1e-3), jit_compile=jit_compile)
        result.optimizer.build(network.trainable_variables)
        return result

    return trainer


def _batches(photos):
    def batches(image_size, start):
        patches = content_images.content_images(
            [str(photos)],
            image_size=image_size,
            batch_size=2,
            seed=0,
            resize="patch",
            start=start,
        )
        return super_resolution_pairs.super_resolution_pairs(
            patches, factor=4, degradation="bicubic"
        )

    return batches


def _train(trainer, photos, directory, stages):
    return run.run(
        trainer,
        stages,
        _batches(photos),
        checkpoints=callbacks.Checkpoints(trainer, str(directory), 100),
    )


def test_a_stopped_training_ends_as_one_that_was_not(photos, build, tmp_path):
    # The paper's preset: moving statistics must survive as well.
    whole, first, second = (build("paper") for _ in range(3))
    _train(whole, photos, tmp_path / "whole", [(32, 4)])
    _train(first, photos, tmp_path / "parts", [(32, 2)])
    result = _train(second, photos, tmp_path / "parts", [(32, 4)])
    assert (result.step, result.finished) == (4, True)
    assert whole.data_position.numpy() == second.data_position.numpy() > 0
    expected = build("paper").transform_network.variables
    for one, other, before in zip(
        whole.transform_network.variables,
        second.transform_network.variables,
        expected,
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
        if "moving" in one.path:
            assert np.abs(np.asarray(one) - before).max() > 0


def test_both_terms_in_one_training_go_down(photos, build):
    trainer = build(pixel_weight=0.5, feature_weight=1e3, tv_weight=1e-9)
    trainer.optimizer.learning_rate = 3e-3
    batch = next(iter(_batches(photos)(32, 0)))
    step = tf.function(trainer.train_step)
    logs = [step(batch) for _ in range(25)]
    for term in ("pixel", "feature"):
        assert logs[-1][term] < 0.95 * logs[0][term], term
        assert logs[0][f"weighted_{term}"] > 0
    np.testing.assert_allclose(
        logs[0]["loss"],
        0.5 * logs[0]["pixel"]
        + 1e3 * logs[0]["feature"]
        + 1e-9 * logs[0]["total_variation"],
        rtol=1e-5,
    )


def test_each_term_has_its_own_gradient(photos, build):
    batch = next(iter(_batches(photos)(32, 0)))
    norms = [
        float(build(**weights).train_step(batch)["gradient_norm"][0])
        for weights in (
            {"pixel_weight": 1.0, "feature_weight": 0.0},
            {"pixel_weight": 0.0, "feature_weight": 1.0},
        )
    ]
    assert all(norm > 0 for norm in norms)
    assert abs(norms[0] - norms[1]) > 1e-3 * norms[0]


def test_the_step_compiles_under_xla_to_the_same_numbers(photos, build):
    weights = {"pixel_weight": 1.0, "feature_weight": 1.0}
    losses = []
    for jit_compile in (False, True):
        trainer = build("paper", jit_compile, **weights)
        history = trainer.fit(
            _batches(photos)(32, 0),
            steps_per_epoch=3,
            epochs=1,
            verbose=0,
            shuffle=False,
        )
        losses.append(float(np.ravel(history.history["loss"])[0]))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
