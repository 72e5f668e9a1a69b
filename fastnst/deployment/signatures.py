"""The signatures of an exported network, as functions of TensorFlow.

All run one traced function of a single picture, one picture after the other:
a picture gives the same pixels whatever else is in its batch, sizes of files
in a batch may differ, and the memory needed is that of one picture.
"""

from collections.abc import Callable
import dataclasses

import keras
import tensorflow as tf

from fastnst.deployment import image_bytes

# Grows when a signature changes such that a client must change.
CONTRACT_VERSION = 1
WITH_STYLE = "_with_style"
JPEG_QUALITY = 95

# How far the weights of a blend may sum from 1: room for 0.33, 0.33, 0.33.
_BLEND_TOLERANCE = 0.011
# Weights that a message shows.
_MAX_SHOWN = 8
_PIXELS = [None, None, None, 3]


@dataclasses.dataclass(frozen=True)
class Signature:
    """One way in and out of the network.

    Attributes:
        input_name: Name of the input tensor.
        input_spec: Of a batch.
        output_name: Name of the output tensor.
        output_spec: Of one element of the batch.
        check: Returns a batch as it is, or raises when the graph runs.
        read: From an element of the batch to a float32 (H, W, 3) picture.
        write: From such a picture to an element of the output.
    """

    input_name: str
    input_spec: tf.TensorSpec
    output_name: str
    output_spec: tf.TensorSpec
    check: Callable[[tf.Tensor], tf.Tensor]
    read: Callable[[tf.Tensor], tf.Tensor]
    write: Callable[[tf.Tensor], tf.Tensor]


def to_uint8(pictures: tf.Tensor) -> tf.Tensor:
    """Rounds float pixels half to even, as NumPy does, to uint8."""
    return tf.cast(tf.clip_by_value(tf.round(pictures), 0.0, 255.0), tf.uint8)


def to_float(pictures: tf.Tensor) -> tf.Tensor:
    """Casts pixels to float32."""
    return tf.cast(pictures, tf.float32)


def encode_jpeg(pictures: tf.Tensor) -> tf.Tensor:
    """Encodes a uint8 picture as the signature `jpeg` does."""
    return tf.io.encode_jpeg(pictures, quality=JPEG_QUALITY)


def endpoints(network: keras.Model, max_pixels: int) -> dict[str, Callable]:
    """Makes the function of every signature, none of them traced yet.

    Args:
        network: A transform network.
        max_pixels: What the pictures of a request may have together; 0 is no
            limit.

    Returns:
        tf.functions by name of the signature. Those of a network with several
        styles exist twice: with its first style, and with a blend.
    """
    num_styles = len(getattr(network, "style_names", ()))
    transformed = _picture_function(network, num_styles)
    signatures = _signatures(max_pixels)
    found = {
        name: _first_style(signature, transformed, num_styles)
        for name, signature in signatures.items()
    }
    if num_styles > 1:
        for name, signature in signatures.items():
            found[name + WITH_STYLE] = _any_style(
                signature, transformed, num_styles
            )
    return found


def _signatures(max_pixels: int) -> dict[str, Signature]:
    png, floats = _of_files(max_pixels), _of_floats(max_pixels)
    return {
        "serving_default": png,
        "jpeg": dataclasses.replace(
            png, write=lambda picture: encode_jpeg(to_uint8(picture))
        ),
        "image": dataclasses.replace(
            floats,
            input_spec=tf.TensorSpec(_PIXELS, tf.uint8, name="image"),
            output_spec=tf.TensorSpec(_PIXELS[1:], tf.uint8),
            write=to_uint8,
        ),
        "image_float": floats,
    }


def _of_files(max_pixels: int) -> Signature:
    files = tf.TensorSpec([None], tf.string, name="image_bytes")
    # Traced once for all signatures: the graphs of the headers are large.
    checked = tf.function(
        lambda data: image_bytes.checked(data, max_pixels),
        input_signature=[files],
        autograph=False,
    )
    decode = tf.function(
        image_bytes.decode,
        input_signature=[tf.TensorSpec([], tf.string)],
        autograph=False,
    )
    return Signature(
        input_name="image_bytes",
        input_spec=files,
        output_name="transformed_bytes",
        output_spec=tf.TensorSpec([], tf.string),
        check=checked,
        read=lambda data: to_float(decode(data)),
        write=lambda picture: tf.io.encode_png(to_uint8(picture)),
    )


def _of_floats(max_pixels: int) -> Signature:
    return Signature(
        input_name="image",
        input_spec=tf.TensorSpec(_PIXELS, tf.float32, name="image"),
        output_name="transformed",
        output_spec=tf.TensorSpec(_PIXELS[1:], tf.float32),
        check=lambda images: image_bytes.checked_pixels(images, max_pixels),
        read=to_float,
        write=to_float,
    )


def _picture_function(network: keras.Model, num_styles: int):
    """Returns the network's function of one picture and one blend."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, 3], tf.float32),
            tf.TensorSpec([num_styles], tf.float32),
        ],
        autograph=False,
    )
    def transformed(picture, blend):
        options = {"style_blend": blend[None]} if num_styles else {}
        # A batch of exactly one takes the network's fastest formulation.
        return network(picture[None], training=False, **options)[0]

    return transformed


def _first_style(signature: Signature, transformed, num_styles: int):
    @tf.function(input_signature=[signature.input_spec], autograph=False)
    def endpoint(images):
        blend = tf.one_hot(0, num_styles)
        results = tf.map_fn(
            lambda image: signature.write(
                transformed(signature.read(image), blend)
            ),
            signature.check(images),
            fn_output_signature=signature.output_spec,
            # One after the other: each already uses all threads.
            parallel_iterations=1,
        )
        return {signature.output_name: results}

    return endpoint


def _any_style(signature: Signature, transformed, num_styles: int):
    spec = tf.TensorSpec([None, num_styles], tf.float32, name="style_blend")

    @tf.function(input_signature=[signature.input_spec, spec], autograph=False)
    def endpoint(images, style_blend):
        blends = _checked_blends(
            style_blend, tf.shape(images)[0], num_styles
        )
        results = tf.map_fn(
            lambda each: signature.write(
                transformed(signature.read(each[0]), each[1])
            ),
            (signature.check(images), blends),
            fn_output_signature=signature.output_spec,
            parallel_iterations=1,
        )
        return {signature.output_name: results}

    return endpoint


def _checked_blends(
    style_blend: tf.Tensor, batch: tf.Tensor, num_styles: int
) -> tf.Tensor:
    """Returns a row for each picture, or raises when the graph runs."""
    rows = tf.shape(style_blend)[0]
    weights = tf.reshape(style_blend, [-1])
    totals = tf.reduce_sum(style_blend, axis=-1)
    is_blend = (
        # Not shape[1] == num_styles: taken for granted by the optimizer.
        (tf.size(style_blend) == rows * num_styles)
        & ((rows == 1) | (rows == batch))
        # False for NaN.
        & tf.reduce_all((weights >= 0.0) & (weights <= 1.0))
        & tf.reduce_all(tf.abs(totals - 1.0) <= _BLEND_TOLERANCE)
    )
    check = tf.debugging.Assert(
        is_blend,
        [
            f"style_blend must have {num_styles} weights from 0 to 1 that sum "
            "to 1, in one row or in a row for each picture. Received: shape",
            tf.shape(style_blend),
            "with",
            weights,
        ],
        summarize=_MAX_SHOWN,
    )
    with tf.control_dependencies([check]):
        # One row serves the whole batch.
        return tf.broadcast_to(style_blend, [batch, num_styles])
