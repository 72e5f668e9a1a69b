"""Trains a style transfer network against the objective of the paper."""

import keras
import tensorflow as tf

from fastnst.training import style_objective
from fastnst.training import training_step


class StyleTransferTrainer(keras.Model):
    """Owns the training step of a style transfer network.

    The loss network is in the objective, outside Keras' tracking. Compile it
    with an optimizer and fit it on batches of (content_images, next_position)
    as `fastnst.data.content_images` makes them.

    Args:
        transform_network: The network to train, built.
        objective: What it is trained for.

    Attributes:
        data_position: int64 variable, the position in the stream of content
            images after the last step.
        usual_gradient_norm: float32 variable, how long gradients were of late.
    """

    def __init__(
        self,
        transform_network: keras.Model,
        objective: style_objective.StyleObjective,
    ):
        super().__init__()
        self.transform_network = transform_network
        self.objective = objective
        self.data_position = training_step.data_position()
        self.usual_gradient_norm = training_step.usual_gradient_norm()
        self.built = True

    @property
    def metrics(self):
        """None: the step returns its own numbers."""
        return []

    def train_step(self, data):
        """Stylizes a batch, and changes the network to do it better.

        Args:
            data: Content images, float32, shape (batch, height, width, 3), in
                [0, 255], and the position after the batch.

        Returns:
            What `training_step` returns.
        """
        content_images, next_position = data
        style_blend = self._styles_in_turn(tf.shape(content_images)[0])
        content_features = self.objective.content_features(content_images)

        def compute_terms():
            stylized_images = self.transform_network(
                content_images, style_blend, training=True
            )
            return self.objective.terms(
                stylized_images, content_features, style_blend
            )

        return training_step.training_step(
            self, next_position, compute_terms, self.objective.weights
        )

    def _styles_in_turn(self, batch: tf.Tensor) -> tf.Tensor:
        """Gives every image a style, all of them equally often."""
        num_styles = self.objective.num_styles
        context = tf.distribute.get_replica_context()
        steps = tf.convert_to_tensor(self.optimizer.iterations)
        batches = tf.cast(steps, tf.int32) * context.num_replicas_in_sync
        first = (batches + context.replica_id_in_sync_group) * batch
        return tf.one_hot((first + tf.range(batch)) % num_styles, num_styles)
