"""Instance normalization, and normalization conditional on a style."""

import keras
import tensorflow as tf

from fastnst.networks import formulation

# The released code's values (InstanceNormalization.lua, and the defaults of
# Torch's SpatialBatchNormalization: momentum 0.1 counts the new value, Keras'
# 0.9 the old one). The paper prints neither.
EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9
KINDS = ("instance", "batch")


@tf.custom_gradient
def instance_normalization(
    features: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor
):
    """Normalizes each channel of each image by its own mean and variance.

    Equals `scale * (x - mean) / sqrt(variance + 1e-5) + shift` over height and
    width (Ulyanov et al. 2016), written with few passes over the features and
    its own gradient. Statistics are float32 under bfloat16.

    Args:
        features: float, shape (batch, height, width, channels).
        scale: float32 (float64 for float64 features), shape (batch, channels).
        shift: The same.

    Returns:
        The same shape and dtype as `features`.
    """
    shape = _shape(features)
    x = _flat(features, scale.dtype)
    mean = tf.reduce_mean(x, 1, keepdims=True)
    variance = tf.reduce_mean(
        tf.math.squared_difference(x, mean), 1, keepdims=True
    )
    rate = tf.math.rsqrt(variance + EPSILON)
    gain = rate * scale[:, None]
    y = x * gain + (shift[:, None] - mean * gain)

    def gradient(upstream: tf.Tensor):
        x, dy = _flat(features, scale.dtype), _flat(upstream, scale.dtype)
        pixels = tf.cast(x.shape[1] or tf.shape(x)[1], scale.dtype)
        d_shift = tf.reduce_sum(dy, 1, keepdims=True)
        d_scale = rate * (
            tf.reduce_sum(dy * x, 1, keepdims=True) - mean * d_shift
        )
        slope = gain * d_scale * rate / pixels
        dx = dy * gain - x * slope + (mean * slope - gain * d_shift / pixels)
        dx = tf.reshape(tf.cast(dx, features.dtype), shape)
        return dx, d_scale[:, 0], d_shift[:, 0]

    return tf.reshape(tf.cast(y, features.dtype), shape), gradient


def _flat(features: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Reshapes to (batch, height * width, channels)."""
    batch, height, width, channels = _shape(features)
    flat = tf.reshape(features, [batch, height * width, channels])
    return tf.cast(flat, dtype)


def _shape(features: tf.Tensor) -> list[int | tf.Tensor]:
    """Returns the shape, numbers where they are known when traced."""
    shape = tf.shape(features)
    return [known or shape[axis] for axis, known in enumerate(features.shape)]


def _is_fusible(features: tf.Tensor) -> bool:
    """Tells whether one primitive for each image exists and is the fastest.

    On a GPU many images are many small kernels.
    """
    batch = features.shape[0]
    if not batch or features.dtype == tf.float64:
        return False
    return batch == 1 or not tf.config.list_logical_devices("GPU")


def _fused_instance_normalization(
    features: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor
) -> tf.Tensor:
    """Computes the same with one primitive for each image.

    Batch normalization of a single image with the statistics of that image: on
    a processor a third of the time of `instance_normalization` in bfloat16,
    gradient included, and half of it in float32. The batch must be known.
    """
    images = tf.split(features, features.shape[0])
    normalized = [
        tf.compat.v1.nn.fused_batch_norm(
            image, scale[row], shift[row], epsilon=EPSILON, is_training=True
        )[0]
        for row, image in enumerate(images)
    ]
    return tf.concat(normalized, 0)


def _four_dimensional_instance_normalization(
    features: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor
) -> tf.Tensor:
    """Computes the same by statistics of shape (batch, 1, 1, channels).

    LiteRT's GPU engine takes statistics of one dimension, which the fused
    primitive is converted to, for those of `channels` images.
    """
    # Not by slices, of which the engine refuses those that change the rank.
    scale, shift = [
        tf.reshape(row, [-1, 1, 1, row.shape[-1]]) for row in (scale, shift)
    ]
    mean = _mean_of_rows(features)
    variance = _mean_of_rows(tf.math.squared_difference(features, mean))
    gain = tf.math.rsqrt(variance + EPSILON) * scale
    return features * gain + (shift - mean * gain)


def _mean_of_rows(features: tf.Tensor) -> tf.Tensor:
    """Takes the mean of a feature map as that of its rows' means.

    LiteRT has one thread for a mean of everything, and one for each row.
    """
    rows = tf.reduce_mean(features, 2, keepdims=True)
    return tf.reduce_mean(rows, 1, keepdims=True)


@keras.saving.register_keras_serializable("fastnst")
class ConditionalNormalization(keras.layers.Layer):
    """Instance or batch normalization with one scale and shift per style.

    The row of a style is picked, or rows are blended, by `style_blend`
    (Dumoulin, Shlens and Kudlur 2017). With one style it is the ordinary
    normalization.

    Args:
        kind: "instance", or "batch" (as in the paper; momentum 0.9, epsilon
            1e-5, synchronized between replicas).
        num_styles: Number of (scale, shift) rows.
        **kwargs: Keras' layer arguments.

    Call arguments:
        features: float, shape (batch, height, width, channels).
        style_blend: float, shape (batch, num_styles), rows summing to 1.
        training: Whether batch normalization uses the batch's statistics.

    Raises:
        ValueError: If `kind` is neither.
    """

    def __init__(self, kind: str = "instance", num_styles: int = 1, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.kind = kind
        self.num_styles = num_styles
        if kind not in KINDS:
            raise ValueError(
                f"`kind` must be one of {', '.join(KINDS)}. "
                f"Received: kind={kind!r}."
            )
        if kind == "batch":
            self.batch_norm = keras.layers.BatchNormalization(
                momentum=BATCH_NORM_MOMENTUM,
                epsilon=EPSILON,
                center=False,
                scale=False,
                # Keras' synchronized variance, E(x^2) - E(x)^2, cancels where
                # the mean is large: only where there is no other way.
                synchronized=tf.distribute.get_strategy().num_replicas_in_sync
                > 1,
                dtype=self.dtype_policy,
                name="batch_norm",
            )

    def build(self, input_shape):
        # Blending rows in bfloat16 would round them. Keras casts the variables
        # of an outermost layer even where the layer itself is not to be cast.
        options = {
            "shape": (self.num_styles, input_shape[-1]),
            "autocast": False,
        }
        self.scale = self.add_weight(
            initializer="ones", name="scale", **options
        )
        self.shift = self.add_weight(
            initializer="zeros", name="shift", **options
        )
        if self.kind == "batch":
            self.batch_norm.build(input_shape)

    def call(self, features, style_blend, training=False):
        scale, shift = self._rows(style_blend)
        if self.kind == "batch":
            return self._batch_normalized(features, scale, shift, training)
        if formulation.is_for_litert():
            return _four_dimensional_instance_normalization(
                features, scale, shift
            )
        if _is_fusible(features):
            return _fused_instance_normalization(features, scale, shift)
        return instance_normalization(features, scale, shift)

    def normalize_by(
        self,
        features: tf.Tensor,
        style_blend: tf.Tensor,
        mean: tf.Tensor,
        variance: tf.Tensor,
    ) -> tf.Tensor:
        """Normalizes part of a picture by the statistics of all of it.

        Args:
            features: float32 or bfloat16, shape (1, height, width, channels).
            style_blend: float, shape (1, num_styles).
            mean: float32, shape (channels,).
            variance: The same, of the whole population.

        Returns:
            The same shape and dtype as `features`.
        """
        scale, shift = self._rows(style_blend)
        return tf.compat.v1.nn.fused_batch_norm(
            features,
            tf.reshape(scale, [-1]),
            tf.reshape(shift, [-1]),
            mean,
            variance,
            epsilon=EPSILON,
            is_training=False,
        )[0]

    def _rows(self, style_blend):
        blend = tf.cast(style_blend, self.scale.dtype)
        scale = tf.matmul(blend, tf.convert_to_tensor(self.scale))
        shift = tf.matmul(blend, tf.convert_to_tensor(self.shift))
        return scale, shift

    def _batch_normalized(self, features, scale, shift, training):
        normalized = self.batch_norm(features, training=training)
        scale, shift = [
            tf.cast(row[:, None, None], normalized.dtype)
            for row in (scale, shift)
        ]
        return normalized * scale + shift

    def get_config(self):
        return {
            **super().get_config(),
            "kind": self.kind,
            "num_styles": self.num_styles,
        }
