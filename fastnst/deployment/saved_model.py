"""SavedModels of transform networks, for TensorFlow Serving.

The contract, signature by signature, is written in `export/README.md`.
"""

from collections.abc import Callable
import json
import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from fastnst.deployment import noise
from fastnst.deployment import parity
from fastnst.deployment import signatures
from fastnst.deployment import warmup
from fastnst.networks import saved_networks

# Model servers ignore what is in this folder.
CONTRACT_FILE = pathlib.PurePath("assets.extra", "contract.json")
MAX_PIXELS = 4 * 2**20

_WARMUP_SIZE = (256, 256)
# A pixel that rounds otherwise moves its whole block of a JPEG a little.
_JPEG_BOUNDS = parity.Bounds(16.0, 0.5)


def write(
    network: keras.Model,
    directory: str | os.PathLike,
    *,
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Writes a SavedModel.

    Args:
        network: A transform network; exported in float32.
        directory: Where to; exists and is empty, or does not exist.
        max_pixels: What the pictures of a request may have together, larger
            ones are refused before they are decoded; 0 is no limit.

    Raises:
        OSError: If it cannot be written.
    """
    network = saved_networks.with_dtype_policy(network, "float32")
    # Not `track`: the endpoints' variables are found without it, and with it
    # Keras 3.15 writes all of them twice.
    archive = keras.export.ExportArchive()
    endpoints = signatures.endpoints(network, max_pixels)
    for name, function in endpoints.items():
        archive.add_endpoint(name, function)
    with noise.silenced_stderr():
        archive.write_out(os.fspath(directory), verbose=False)
    contract = {
        "contract_version": signatures.CONTRACT_VERSION,
        "task": network.task,
        "factor": network.factor,
        "style_names": list(getattr(network, "style_names", ())),
        "max_pixels": max_pixels,
        "signatures": list(endpoints),
    }
    path = pathlib.Path(directory) / CONTRACT_FILE
    path.parent.mkdir()
    path.write_text(json.dumps(contract, indent=2) + "\n", encoding="utf-8")
    warmup.write(directory, _warmup_requests(network, endpoints))


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
        loaded = tf.saved_model.load(os.fspath(directory)).signatures
    # Networks that enlarge are given so many times less: so much they may be
    # sent.
    height, width = [side // network.factor for side in parity.TEST_SIZE]
    picture = parity.comparison_picture(height, width, photo)
    comparisons = []
    for name in _names(directory):
        blend = _blend(network, name)
        expected = parity.keras_result(network, picture, blend)
        bounds = parity.BOUNDS["fp32"]
        if name.startswith("jpeg"):
            expected, bounds = _as_jpeg(expected), _JPEG_BOUNDS
        comparisons.append(
            parity.compare(
                f"SavedModel {name}",
                _runner(loaded[name], _inputs(name, picture, blend)),
                expected,
                bounds=bounds,
                num_bytes=num_bytes,
                threads=parity.num_threads(),
                num_runs=num_runs,
            )
        )
    return comparisons


def _names(directory: pathlib.Path) -> list[str]:
    contract = (directory / CONTRACT_FILE).read_text(encoding="utf-8")
    return json.loads(contract)["signatures"]


def _warmup_requests(network: keras.Model, endpoints) -> dict:
    picture = parity.comparison_picture(*_WARMUP_SIZE)
    return {
        name: _inputs(name, picture, _blend(network, name))
        for name in endpoints
    }


def _blend(network: keras.Model, name: str) -> np.ndarray | None:
    """Returns the blend that a signature is run with; None if it has none."""
    if name.endswith(signatures.WITH_STYLE):
        return parity.comparison_blend(network)
    return None


def _inputs(
    name: str, picture: np.ndarray, blend: np.ndarray | None
) -> dict[str, tf.Tensor]:
    """Returns the inputs of a signature for one picture."""
    inputs = {}
    if name.startswith("image_float"):
        inputs["image"] = tf.cast(picture[None], tf.float32)
    elif name.startswith("image"):
        inputs["image"] = tf.constant(picture[None])
    else:
        inputs["image_bytes"] = tf.io.encode_png(picture)[None]
    if blend is not None:
        inputs["style_blend"] = tf.constant(blend[None])
    return inputs


def _as_jpeg(picture: np.ndarray) -> np.ndarray:
    """Returns what is left of a float32 picture after JPEG: float32."""
    data = signatures.encode_jpeg(signatures.to_uint8(picture))
    return tf.io.decode_jpeg(data).numpy().astype(np.float32)


def _runner(function, inputs: dict) -> Callable[[], np.ndarray]:
    """Returns a function that runs a loaded signature on one picture."""

    def run() -> np.ndarray:
        (result,) = function(**inputs).values()
        if result.dtype == tf.string:
            return tf.io.decode_image(result[0], channels=3).numpy()
        return result[0].numpy()

    return run
