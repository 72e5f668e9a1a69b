"""Trains a style transfer network against the objective of the paper."""

import keras
import tensorflow as tf

from fastnst.training import per_style
from fastnst.training import stability
from fastnst.training import style_objective
from fastnst.training import trainer
from fastnst.training import training_step


class StyleTransferTrainer(trainer.Trainer):
    """Owns the training step of a style transfer network.

    Compile it with an optimizer and fit it on batches of (content_images,
    next_position) as `fastnst.data.content_images` makes them.

    Args:
        transform_network: The network to train, built.
        objective: Of the styles that are trained.
        num_frozen_styles: Number of styles of the network that are not; they
            come first.
        stability_weight: Weight of the stability term, which is taken of half
            of the batch. 0, as in the paper, costs nothing.
    """

    def __init__(
        self,
        transform_network: keras.Model,
        objective: style_objective.StyleObjective,
        *,
        num_frozen_styles: int = 0,
        stability_weight: float = 0.0,
    ):
        super().__init__(transform_network, objective)
        if stability_weight:
            self.term_weights[stability.TERM] = stability_weight
        self.num_frozen_styles = num_frozen_styles

    def train_step(self, data):
        """Stylizes a batch, and changes the network to do it better.

        Args:
            data: Content images, float32, shape (batch, height, width, 3), in
                [0, 255], and the position after the batch.

        Returns:
            What `training_step` returns, and with several styles what
            `per_style.sums` does.
        """
        content_images, next_position = data
        styles = self._styles_in_turn(tf.shape(content_images)[0])
        style_blend = tf.pad(styles, [[0, 0], [self.num_frozen_styles, 0]])
        content_features = self.objective.content_features(content_images)
        told_apart = {}

        def compute_terms():
            stylized_images = self.transform_network(
                content_images, style_blend, training=True
            )
            terms = self.objective.terms(
                stylized_images, content_features, styles
            )
            told_apart.update(self._told_apart(styles, terms))
            if stability.TERM in self.term_weights:
                terms[stability.TERM] = self._instability(
                    content_images, style_blend, stylized_images
                )
            return terms

        logs = training_step.training_step(
            self, next_position, compute_terms, self.term_weights
        )
        return {**logs, **told_apart}

    def _instability(self, content_images, style_blend, stylized_images):
        """Computes the stability term of one half of the batch or the other.

        Which is drawn: styles in turn may always fall on the same half.
        """
        batch = content_images.shape[0] or tf.shape(content_images)[0]
        half = (batch + 1) // 2
        step = self.step
        first = half * tf.random.stateless_uniform(
            [], tf.stack([2, step]), 0, 2, tf.int32
        )
        images, blend, stylized = [
            tf.roll(tensor, -first, 0)[:half]
            for tensor in (content_images, style_blend, stylized_images)
        ]
        disturbed, place = stability.disturb(images, step)
        return stability.instability_loss(
            stylized,
            self.transform_network(disturbed, blend, training=True),
            place,
        )

    def _styles_in_turn(self, batch: tf.Tensor) -> tf.Tensor:
        """Gives every image a style, all of them equally often."""
        num_styles = self.objective.num_styles
        context = tf.distribute.get_replica_context()
        batches = self.step * context.num_replicas_in_sync
        first = (batches + context.replica_id_in_sync_group) * batch
        return tf.one_hot((first + tf.range(batch)) % num_styles, num_styles)

    def _told_apart(self, styles, terms) -> dict[str, tf.Tensor]:
        if self.objective.num_styles == 1:
            return {}
        return per_style.sums(
            self.transform_network.style_names[self.num_frozen_styles :],
            styles,
            self.objective.style_loss(terms),
        )
