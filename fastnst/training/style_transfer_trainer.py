"""Trains a style transfer network against the objective of the paper."""

import tensorflow as tf

from fastnst.training import trainer
from fastnst.training import training_step


class StyleTransferTrainer(trainer.Trainer):
    """Owns the training step of a style transfer network.

    Its objective is a `StyleObjective`. Compile it with an optimizer and fit it
    on batches of (content_images, next_position) as
    `fastnst.data.content_images` makes them.
    """

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
