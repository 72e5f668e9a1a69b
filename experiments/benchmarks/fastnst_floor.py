"""The fastest convolution and matrix product of TensorFlow on this machine."""

import floor_sizes as sizes
import tensorflow as tf


def convolution(case, dtype: str):
    """A 3x3 convolution; its kernel is a constant, as in a network."""
    del case
    features = tf.random.uniform([1, sizes.SIDE, sizes.SIDE, sizes.CHANNELS])
    kernel = tf.random.uniform([3, 3, sizes.CHANNELS, sizes.CHANNELS])
    features, kernel = tf.cast(features, dtype), tf.cast(kernel, dtype)
    return _traced(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"), features)


def matrix_product(case, dtype: str):
    """A product of square matrices, the right one a constant."""
    del case
    left, right = [
        tf.cast(tf.random.uniform([sizes.MATRIX, sizes.MATRIX]), dtype)
        for _ in "lr"
    ]
    return _traced(lambda x: tf.matmul(x, right), left)


def _traced(function, argument):
    concrete = tf.function(function).get_concrete_function(
        tf.TensorSpec(argument.shape, argument.dtype)
    )
    return lambda: concrete(argument)
