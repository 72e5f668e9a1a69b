"""SavedModels of transform networks, for TensorFlow Serving.

The contract, signature by signature, is written in `export/README.md`. All
signatures run one traced function of a single picture, one picture after the
other: a picture gives the same pixels whatever else is in its batch, sizes of
files in a batch may differ, and the memory needed is that of one picture.
"""

from collections.abc import Callable
import dataclasses
import json
import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from fastnst.deployment import noise
from fastnst.deployment import parity
from fastnst.networks import saved_networks

# Grows when a signature changes such that a client must change.
CONTRACT_VERSION = 1
# Model servers ignore what is in this folder.
CONTRACT_FILE = pathlib.PurePath("assets.extra", "contract.json")

_WITH_STYLE = "_with_style"
# Does not divide by 4: padding and cropping are compared too.
_TEST_SIZE = (253, 317)

Picture = Callable[[tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class _Signature:
    """One way in and out of the network.

    Attributes:
        input_name: Name of the input tensor.
        input_spec: Of a batch.
        output_name: Name of the output tensor.
        output_spec: Of one element of the batch.
        read: From an element of the batch to a float32 (H, W, 3) picture.
        write: From such a picture to an element of the output.
    """

    input_name: str
    input_spec: tf.TensorSpec
    output_name: str
    output_spec: tf.TensorSpec
    read: Picture
    write: Picture


def to_uint8(pictures: tf.Tensor) -> tf.Tensor:
    """Rounds float pixels half to even, as NumPy does, to uint8."""
    return tf.cast(tf.clip_by_value(tf.round(pictures), 0.0, 255.0), tf.uint8)


def to_float(pictures: tf.Tensor) -> tf.Tensor:
    """Casts pixels to float32."""
    return tf.cast(pictures, tf.float32)


def write(network: keras.Model, directory: str | os.PathLike) -> None:
    """Writes a SavedModel.

    Args:
        network: A transform network; exported in float32.
        directory: Where to; exists and is empty, or does not exist.

    Raises:
        OSError: If it cannot be written.
    """
    network = saved_networks.with_dtype_policy(network, "float32")
    archive = keras.export.ExportArchive()
    archive.track(network)
    for name, function in _endpoints(network).items():
        archive.add_endpoint(name, function)
    with noise.silenced_stderr():
        archive.write_out(os.fspath(directory), verbose=False)
    path = pathlib.Path(directory) / CONTRACT_FILE
    path.parent.mkdir()
    path.write_text(json.dumps(_contract(network), indent=2) + "\n")


def compare(
    network: keras.Model,
    directory: str | os.PathLike,
    *,
    photo: str | os.PathLike | None = None,
    num_runs: int = 20,
) -> list[parity.Comparison]:
    """Loads a SavedModel and compares each of its signatures with Keras.

    Args:
        network: What was written.
        directory: Where `write` wrote it.
        photo: See `parity.comparison_picture`.
        num_runs: Runs to time for each signature.

    Returns:
        A comparison for each signature; those of floats are before rounding.

    Raises:
        ValueError: If one differs too much.
    """
    network = saved_networks.with_dtype_policy(network, "float32")
    directory = pathlib.Path(directory)
    num_bytes = sum(
        path.stat().st_size for path in directory.rglob("*") if path.is_file()
    )
    with noise.silenced_stderr():
        loaded = tf.saved_model.load(os.fspath(directory))
    picture = parity.comparison_picture(*_TEST_SIZE, photo)
    blend = parity.comparison_blend(network)
    expected = {
        "": parity.keras_result(network, picture),
        _WITH_STYLE: parity.keras_result(network, picture, blend),
    }
    comparisons = []
    for name in _endpoints(network):
        suffix = _WITH_STYLE if name.endswith(_WITH_STYLE) else ""
        comparisons.append(
            parity.compare(
                f"SavedModel {name}",
                _runner(
                    loaded.signatures[name], picture, blend if suffix else None
                ),
                expected[suffix],
                bounds=parity.BOUNDS["fp32"],
                num_bytes=num_bytes,
                threads=parity.num_threads(),
                num_runs=num_runs,
            )
        )
    return comparisons


def _contract(network: keras.Model) -> dict:
    return {
        "contract_version": CONTRACT_VERSION,
        "task": network.task,
        "factor": getattr(network, "factor", 1),
        "style_names": list(getattr(network, "style_names", ())),
        "signatures": list(_endpoints(network)),
    }


def _signatures() -> dict[str, _Signature]:
    pixels = tf.TensorSpec([None, None, None, 3], tf.uint8, name="image")
    floats = tf.TensorSpec([None, None, None, 3], tf.float32, name="image")
    return {
        "serving_default": _Signature(
            input_name="image_bytes",
            input_spec=tf.TensorSpec([None], tf.string, name="image_bytes"),
            output_name="transformed_bytes",
            output_spec=tf.TensorSpec([], tf.string),
            read=_decoded,
            write=lambda picture: tf.io.encode_png(to_uint8(picture)),
        ),
        "image": _Signature(
            input_name="image",
            input_spec=pixels,
            output_name="transformed",
            output_spec=tf.TensorSpec([None, None, 3], tf.uint8),
            read=to_float,
            write=to_uint8,
        ),
        "image_float": _Signature(
            input_name="image",
            input_spec=floats,
            output_name="transformed",
            output_spec=tf.TensorSpec([None, None, 3], tf.float32),
            read=to_float,
            write=to_float,
        ),
    }


def _decoded(data: tf.Tensor) -> tf.Tensor:
    """Decodes a file: float32, shape (height, width, 3)."""
    picture = tf.io.decode_image(data, channels=3, expand_animations=False)
    return to_float(tf.ensure_shape(picture, [None, None, 3]))


def _endpoints(network: keras.Model) -> dict[str, Callable]:
    """Makes the function of every signature, none of them traced yet."""
    num_styles = len(getattr(network, "style_names", ()))
    transformed = _picture_function(network, num_styles)
    signatures = _signatures()
    endpoints = {
        name: _first_style(signature, transformed, num_styles)
        for name, signature in signatures.items()
    }
    if num_styles > 1:
        for name, signature in signatures.items():
            endpoints[name + _WITH_STYLE] = _any_style(
                signature, transformed, num_styles
            )
    return endpoints


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


def _first_style(signature: _Signature, transformed, num_styles: int):
    @tf.function(input_signature=[signature.input_spec], autograph=False)
    def endpoint(images):
        blend = tf.one_hot(0, num_styles)
        results = tf.map_fn(
            lambda image: signature.write(
                transformed(signature.read(image), blend)
            ),
            images,
            fn_output_signature=signature.output_spec,
            # One after the other: each already uses all threads.
            parallel_iterations=1,
        )
        return {signature.output_name: results}

    return endpoint


def _any_style(signature: _Signature, transformed, num_styles: int):
    spec = tf.TensorSpec([None, num_styles], tf.float32, name="style_blend")

    @tf.function(
        input_signature=[signature.input_spec, spec], autograph=False
    )
    def endpoint(images, style_blend):
        # One row serves the whole batch.
        blends = tf.broadcast_to(
            style_blend, [tf.shape(images)[0], num_styles]
        )
        results = tf.map_fn(
            lambda each: signature.write(
                transformed(signature.read(each[0]), each[1])
            ),
            (images, blends),
            fn_output_signature=signature.output_spec,
            parallel_iterations=1,
        )
        return {signature.output_name: results}

    return endpoint


def _runner(
    function, picture: np.ndarray, blend: np.ndarray | None
) -> Callable[[], np.ndarray]:
    """Returns a function that runs a loaded signature on the picture."""
    specs = function.structured_input_signature[1]
    inputs = {}
    if blend is not None:
        inputs["style_blend"] = tf.constant(blend[None])
    if "image_bytes" in specs:
        inputs["image_bytes"] = tf.io.encode_png(picture)[None]
    else:
        inputs["image"] = tf.cast(picture[None], specs["image"].dtype)

    def run() -> np.ndarray:
        (result,) = function(**inputs).values()
        if result.dtype == tf.string:
            return tf.io.decode_png(result[0], channels=3).numpy()
        return result[0].numpy()

    return run
