"""One optimization step, the same for style transfer and super-resolution."""

from collections.abc import Callable
from collections.abc import Mapping

import keras
import tensorflow as tf

GRADIENT_NORM = "gradient_norm"
TOTAL = "loss"
WEIGHTED_PREFIX = "weighted_"
# A gradient may be this many times longer than they were of late, on average
# over about the last hundred steps.
_LONGEST = 2.0
_MEMORY = 0.99


def data_position() -> tf.Variable:
    """Creates the variable that tells where the stream of images stands."""
    return tf.Variable(
        0,
        dtype=tf.int64,
        trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        name="data_position",
    )


def usual_gradient_norm() -> tf.Variable:
    """Creates the variable that holds how long gradients usually are."""
    return tf.Variable(
        0.0,
        trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        name="usual_gradient_norm",
    )


def training_step(
    trainer: keras.Model,
    next_position: tf.Tensor,
    compute_terms: Callable[[], Mapping[str, tf.Tensor]],
    weights: Mapping[str, float],
) -> dict[str, tf.Tensor]:
    """Changes the transform network once, down the gradient of its objective.

    Args:
        trainer: Has `transform_network`, `optimizer`, `data_position` and
            `usual_gradient_norm`.
        next_position: int64, shape (batch,), all equal: the position in the
            stream of images after this batch.
        compute_terms: Computes the terms of the objective, each of shape
            (batch,), from the transform network's output.
        weights: Term name to weight.

    Returns:
        What to log, float32, each of shape (1,): every term, weighted and not,
        their weighted sum "loss" and the norm of its gradient. The shape is
        what Keras needs to average over several workers.
    """
    variables = trainer.transform_network.trainable_variables
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([variable.value for variable in variables])
        terms = {
            name: tf.reduce_mean(tf.cast(term, tf.float32))
            for name, term in compute_terms().items()
        }
        loss = tf.add_n([weights[name] * terms[name] for name in terms])
        # The replicas' gradients are summed; each sees a part of the batch.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        share = loss / replicas
    gradients = tape.gradient(share, [variable.value for variable in variables])
    norm = _global_norm(gradients)
    gradients = _clipped(gradients, norm, trainer.usual_gradient_norm)
    trainer.optimizer.apply(gradients, variables)
    trainer.data_position.assign(next_position[0])
    logs = {TOTAL: loss, GRADIENT_NORM: norm}
    for name, term in terms.items():
        logs[name] = term
        logs[WEIGHTED_PREFIX + name] = weights[name] * term
    return {name: tf.reshape(value, [1]) for name, value in logs.items()}


def _global_norm(gradients) -> tf.Tensor:
    """Computes the norm of the whole batch's gradient, equal on all replicas.

    A replica's own would clip each share differently, and depend on how the
    batch was divided.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync > 1:
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    return tf.linalg.global_norm(gradients)


def _clipped(gradients, norm: tf.Tensor, usual: tf.Variable):
    """Shortens gradients that are much longer than usual.

    Differs from the paper, which does not. One gradient a hundred times longer
    than the others (a nearly flat image can have one, since instance
    normalization divides by its deviation) lets Adam throw the network far
    away, and it did not come back.
    """
    before = tf.where(usual > 0.0, usual, norm)
    bounded = tf.minimum(norm, _LONGEST * before)
    usual.assign(_MEMORY * before + (1.0 - _MEMORY) * bounded)
    scale = tf.math.divide_no_nan(bounded, norm)
    return [scale * gradient for gradient in gradients]
