"""A training that takes milliseconds, where the networks are not the point."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.training import style_objective
from fastnst.training import style_transfer_trainer


class TinyNetwork(keras.Model):
    """Mixes the channels of every pixel; one layer of twelve numbers."""

    def __init__(self, **options):
        super().__init__()
        self.mix = keras.layers.Dense(3, **options)

    def build(self, input_shape=(None, None, None, 3)):
        self.mix.build(input_shape)
        self.built = True

    def call(self, images, style_blend=None, training=False):
        return 255.0 * tf.sigmoid(self.mix(images / 255.0))


class Tiny:
    """Builds the parts of a tiny training, always the same ones."""

    batch_size = 2

    def __init__(self, loss_network):
        self._loss_network = loss_network

    def trainer(self, objective=None, **options) -> keras.Model:
        """Returns a compiled trainer at step 0."""
        keras.utils.set_random_seed(1)
        network = TinyNetwork(**options)
        network.build()
        trainer = style_transfer_trainer.StyleTransferTrainer(
            network, objective or self.objective()
        )
        trainer.compile(keras.optimizers.Adam(0.01), jit_compile=False)
        trainer.optimizer.build(network.trainable_variables)
        return trainer

    def objective(self):
        """Returns an objective of three terms."""
        style = np.random.default_rng(2).uniform(0, 255, [8, 8, 3])
        return style_objective.StyleObjective(
            self._loss_network,
            [tf.constant(style, tf.float32)],
            content_layer="relu3_3",
            content_weight=1.0,
            style_weights={"relu1_2": 2.0},
            tv_weight=1e-5,
        )

    def batches(self, image_size: int, start: int) -> tf.data.Dataset:
        """Returns batches that are a function of their position."""

        def make(position):
            images = tf.random.stateless_uniform(
                [self.batch_size, image_size, image_size, 3],
                tf.stack([position, 3]),
                maxval=255.0,
            )
            after = tf.fill([self.batch_size], position + self.batch_size)
            return images, after

        positions = tf.data.Dataset.range(start, 1 << 40, self.batch_size)
        return positions.map(make)


class _LossNetwork:
    """Two layers: a channel mixture, and its average over 2 x 2 pixels."""

    def __init__(self):
        generator = np.random.default_rng(0)
        self._mix = generator.normal(0, 0.02, [3, 4]).astype(np.float32)

    def __call__(self, images, layers):
        first = tf.nn.relu(images @ self._mix)
        pooled = tf.nn.avg_pool2d(first, 2, 2, "VALID")
        features = {"relu1_2": first, "relu3_3": pooled}
        return {name: features[name] for name in layers}


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    return Tiny(_LossNetwork())
