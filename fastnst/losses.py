"""The loss functions of Johnson et al. 2016, section 3, as printed.

Each returns one value per image, shape (batch,), so that averages do not
depend on the batch size. Everything is computed in the dtype of the inputs;
trainers pass float32 whatever the compute precision.
"""

import tensorflow as tf


def gram_matrix(features: tf.Tensor) -> tf.Tensor:
    """Computes the Gram matrix of each feature map in a batch, eq. (3).

    Entry (i, j) tells how strongly channels i and j are active together,
    wherever in the image that happens.

    Args:
        features: float, shape (batch, height, width, channels).

    Returns:
        float, shape (batch, channels, channels), symmetric. Divided by
        height * width * channels, so it does not grow with image size.

    Raises:
        ValueError: If `features` is not 4-D.

    Example:
        >>> gram_matrix(tf.ones([1, 4, 4, 2])).numpy().tolist()
        [[[0.5, 0.5], [0.5, 0.5]]]
    """
    features = tf.convert_to_tensor(features)
    if features.shape.rank != 4:
        raise ValueError(
            "`features` must have shape (batch, height, width, channels). "
            f"Received: shape {features.shape}."
        )
    shape = tf.shape(features)
    flat = tf.reshape(features, [shape[0], -1, features.shape[3] or shape[3]])
    size = tf.cast(tf.reduce_prod(shape[1:]), features.dtype)
    return _product_of_channels(flat) / size


@tf.custom_gradient
def _product_of_channels(flat: tf.Tensor):
    """Computes F^T F for F of shape (batch, pixels, channels).

    The two products of the automatic gradient are equal up to a transpose;
    this one adds the transposed gradients first and multiplies once.
    """

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        symmetric = upstream + tf.linalg.matrix_transpose(upstream)
        return tf.matmul(flat, symmetric)

    return tf.matmul(flat, flat, transpose_a=True), gradient


def feature_reconstruction_loss(
    features: tf.Tensor, target_features: tf.Tensor
) -> tf.Tensor:
    """Computes the squared, normalized Euclidean distance, eq. (2).

    Args:
        features: float, shape (batch, height, width, channels).
        target_features: The same shape and dtype.

    Returns:
        float, shape (batch,): the sum of squares over
        height * width * channels.
    """
    return _mean_square(features, target_features)


def style_reconstruction_loss(
    gram: tf.Tensor, target_gram: tf.Tensor
) -> tf.Tensor:
    """Computes the squared Frobenius norm of the difference, eq. (4).

    The paper sums over the entries; the code its authors released averages,
    which is channels ** 2 times smaller. We sum.

    Args:
        gram: float, shape (batch, channels, channels).
        target_gram: The same, or (channels, channels) for one target.

    Returns:
        float, shape (batch,).
    """
    return tf.reduce_sum(tf.math.squared_difference(gram, target_gram), [1, 2])


def pixel_loss(images: tf.Tensor, target_images: tf.Tensor) -> tf.Tensor:
    """Computes the squared, normalized distance of pixels, section 3.2.

    Args:
        images: float, shape (batch, height, width, channels), in [0, 255].
        target_images: The same.

    Returns:
        float, shape (batch,).
    """
    return _mean_square(images, target_images)


def total_variation_loss(images: tf.Tensor) -> tf.Tensor:
    """Computes the sum of squared differences of neighboring pixels.

    The paper names the regularizer and prints no formula. This is the one of
    the code its authors released (`TotalVariation.lua`), without its factor
    1/2 and with the differences along the last row and column counted too.

    Args:
        images: float, shape (batch, height, width, channels), in [0, 255].

    Returns:
        float, shape (batch,).

    Example:
        >>> total_variation_loss(tf.constant([[[[0.0]], [[3.0]]]])).numpy()
        array([9.], dtype=float32)
    """
    down = tf.square(images[:, 1:] - images[:, :-1])
    right = tf.square(images[:, :, 1:] - images[:, :, :-1])
    return tf.reduce_sum(down, [1, 2, 3]) + tf.reduce_sum(right, [1, 2, 3])


def _mean_square(values: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(
        tf.math.squared_difference(values, targets), [1, 2, 3]
    )
