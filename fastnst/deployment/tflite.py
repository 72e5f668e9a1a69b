"""TFLite files of transform networks, for phones and the browser."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import os
import tempfile

from ai_edge_litert import interpreter as litert
import keras
import numpy as np
import tensorflow as tf

from fastnst.deployment import noise
from fastnst.deployment import op_audit
from fastnst.deployment import parity
from fastnst.deployment import signatures
from fastnst.deployment import tflite_metadata
from fastnst.deployment import tflite_options
from fastnst.networks import formulation
from fastnst.networks import saved_networks


def convert(
    network: keras.Model,
    size: tflite_options.Size,
    *,
    precisions: Sequence[str],
    pixels: str = "float32",
    name: str | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Converts a network to TFLite.

    Input `image` and, if the network has several styles, `style_blend`; output
    `transformed`. Scaling to and from [0, 255] is in the file.

    Args:
        network: A transform network; converted in float32.
        size: Height and width of its pictures. With None they are free; such
            a file is for LiteRT's `Interpreter` only.
        precisions: Of `tflite_options.PRECISIONS`.
        pixels: Of `tflite_options.PIXELS`: dtype of input and output.
        name: Of the network, for the metadata. None is Keras' name of it.

    Yields:
        Precision and file content, audited, with metadata.

    Raises:
        ValueError: If the network cannot be converted.
    """
    tflite_options.check_choice(
        "`precisions`", precisions, tflite_options.PRECISIONS
    )
    tflite_options.check_choice("`pixels`", [pixels], tflite_options.PIXELS)
    # The one route that keeps the weights: see the op audit.
    with tempfile.TemporaryDirectory() as folder:
        _write_saved_model(network, size, pixels, folder)
        for precision in precisions:
            model = _converted(folder, precision)
            op_audit.audit(model, dynamic=size is None)
            yield precision, tflite_metadata.embed(
                model,
                name=name or network.name,
                description=tflite_metadata.describe(network),
                style_names=getattr(network, "style_names", ()),
            )


def runner(
    model: bytes, size: tuple[int, int], *, threads: int = 1
) -> Callable[..., np.ndarray]:
    """Loads a TFLite file with LiteRT.

    Args:
        model: The file.
        size: Height and width of the pictures it will get.
        threads: Threads to run with.

    Returns:
        A function of `image` (1, height, width, 3) and, by keyword,
        `style_blend` (1, num_styles) that returns the transformed image.
    """
    with noise.silenced_stderr():
        interpreter = litert.Interpreter(
            model_content=model, num_threads=threads
        )
        for details in interpreter.get_input_details():
            if len(details["shape"]) == 4:
                # Before anything is allocated: a file for any size has a
                # placeholder of one pixel, which is too small to prepare.
                interpreter.resize_tensor_input(
                    details["index"], [1, *size, 3]
                )
        interpreter.allocate_tensors()
    signature = interpreter.get_signature_runner()

    def run(image: np.ndarray, **style_blend: np.ndarray) -> np.ndarray:
        return signature(image=image, **style_blend)["transformed"]

    return run


def compare(
    network: keras.Model,
    model: bytes,
    size: tflite_options.Size,
    *,
    name: str,
    precision: str,
    pixels: str = "float32",
    photo: str | os.PathLike | None = None,
    num_runs: int = 20,
    threads: int | None = None,
) -> parity.Comparison:
    """Compares a TFLite file with Keras.

    Args:
        network: What was converted.
        model: The file.
        size: As `convert` was given.
        name: Its name, for the report.
        precision: As `convert` was given.
        pixels: As `convert` was given.
        photo: See `parity.comparison_picture`.
        num_runs: Runs to time.
        threads: Of the interpreter; None for one per processor.

    Returns:
        The comparison.

    Raises:
        ValueError: If it differs too much.
    """
    network = saved_networks.with_dtype_policy(network, "float32")
    picture = parity.comparison_picture(*(size or parity.TEST_SIZE), photo)
    blend = parity.comparison_blend(network)
    threads = threads or parity.num_threads()
    run = runner(model, picture.shape[:2], threads=threads)
    inputs = {"image": picture[None].astype(pixels)}
    if blend is not None:
        inputs["style_blend"] = blend[None]
    return parity.compare(
        name,
        lambda: run(**inputs)[0],
        parity.keras_result(network, picture, blend),
        bounds=parity.BOUNDS[precision],
        num_bytes=len(model),
        threads=threads,
        num_runs=num_runs,
    )


def _write_saved_model(
    network: keras.Model, size: tflite_options.Size, pixels: str, folder: str
) -> None:
    """Writes the network, formulated for LiteRT, as a SavedModel."""
    network = saved_networks.with_dtype_policy(network, "float32")
    archive = keras.export.ExportArchive()
    archive.track(network)
    # The formulation is chosen when the function is traced: until the end.
    with formulation.for_litert(), noise.silenced_stderr():
        archive.add_endpoint(
            "serving_default", _endpoint(network, size, pixels)
        )
        archive.write_out(
            folder,
            # The converter drops gradients; tracing them takes seconds.
            options=tf.saved_model.SaveOptions(
                experimental_custom_gradients=False
            ),
            verbose=False,
        )


def _endpoint(network: keras.Model, size: tflite_options.Size, pixels: str):
    num_styles = len(getattr(network, "style_names", ()))
    signature = [
        tf.TensorSpec([1, *(size or (None, None)), 3], pixels, name="image")
    ]
    if num_styles > 1:
        signature.append(
            tf.TensorSpec([1, num_styles], tf.float32, name="style_blend")
        )

    @tf.function(input_signature=signature, autograph=False)
    def endpoint(image, style_blend=None):
        options = {} if style_blend is None else {"style_blend": style_blend}
        image = signatures.to_float(image)
        transformed = network(image, training=False, **options)
        if pixels == "uint8":
            transformed = signatures.to_uint8(transformed)
        return {"transformed": transformed}

    return endpoint


def _converted(folder: str, precision: str) -> bytes:
    with noise.silenced_stderr():
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision != "fp32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        try:
            return converter.convert()
        # The converter's own error class derives from Exception only.
        except Exception as error:
            raise ValueError(
                "TensorFlow cannot convert this network to TFLite: "
                f"{(str(error).splitlines() or [''])[0][:300]}"
            ) from error
