"""Exported networks, loaded and run for the requests of a server.

Used by the development server, `python -m fastnst.serve`. The codes of errors
are those of gRPC and of TensorFlow Serving.
"""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import os
import pathlib
import re
import threading

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from fastnst.deployment import noise

DEFAULT_SIGNATURE = "serving_default"

# What TensorFlow puts around the reason of a failure.
_AROUND_REASON = ("Graph execution error", "Detected at", "<stack", "\t")


class RequestError(Exception):
    """Why a request is not answered.

    Args:
        code: Of google.rpc.Code, "INVALID_ARGUMENT" for example.
        message: One line for the client.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class Gate:
    """Lets few requests run at a time, some wait, and refuses the others.

    Every running request holds the memory of one picture's transformation.

    Args:
        running: How many run at a time.
        waiting: How many may wait for that.
    """

    def __init__(self, running: int, waiting: int):
        self._turn = threading.BoundedSemaphore(running)
        self._place = threading.BoundedSemaphore(running + waiting)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Waits for its turn; RequestError if too many wait already."""
        if not self._place.acquire(blocking=False):
            raise RequestError("UNAVAILABLE", "Busy: try again later.")
        try:
            with self._turn:
                yield
        finally:
            self._place.release()


class ServedModel:
    """One version of an exported network.

    Args:
        name: What clients call it.
        directory: The SavedModel; its name is the version.

    Attributes:
        name: As given.
        version: A positive number.
        signature_defs: By name, as the SavedModel describes them.

    Raises:
        OSError: If it cannot be loaded.
    """

    def __init__(self, name: str, directory: pathlib.Path):
        self.name = name
        self.version = int(directory.name)
        file = saved_model_pb2.SavedModel.FromString(
            (directory / "saved_model.pb").read_bytes()
        )
        self.signature_defs = dict(file.meta_graphs[0].signature_def)
        with noise.silenced_stderr():
            # The signatures live as long as what they were loaded with.
            self._loaded = tf.saved_model.load(os.fspath(directory))

    def input_specs(self, signature: str) -> dict[str, tf.TensorSpec]:
        """Returns the inputs of a signature by their names.

        Raises:
            RequestError: If there is no such signature.
        """
        found = self._loaded.signatures
        if signature not in found:
            raise RequestError(
                "INVALID_ARGUMENT",
                f"The signature must be one of {', '.join(sorted(found))}. "
                f"Received: {signature!r}.",
            )
        return dict(found[signature].structured_input_signature[1])

    def predict(
        self, signature: str, inputs: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
            signature: Its name.
            inputs: All of them, by name.

        Returns:
            The outputs by name; strings are bytes in object arrays.

        Raises:
            RequestError: If the inputs do not fit, or the graph refuses them.
        """
        specs = self.input_specs(signature)
        if set(inputs) != set(specs):
            raise RequestError(
                "INVALID_ARGUMENT",
                f"The inputs of {signature} are {', '.join(specs)}. "
                f"Received: {', '.join(inputs) or 'nothing'}.",
            )
        tensors = {
            name: _tensor(name, inputs[name], spec)
            for name, spec in specs.items()
        }
        try:
            outputs = self._loaded.signatures[signature](**tensors)
            return {name: value.numpy() for name, value in outputs.items()}
        except tf.errors.OpError as error:
            code = {
                tf.errors.INVALID_ARGUMENT: "INVALID_ARGUMENT",
                tf.errors.RESOURCE_EXHAUSTED: "RESOURCE_EXHAUSTED",
            }.get(error.error_code, "INTERNAL")
            raise RequestError(code, _reason(error.message)) from error


def load(directory: pathlib.Path) -> dict[str, ServedModel]:
    """Loads the newest version of every network in a folder.

    Args:
        directory: The `--output_dir` of `fastnst.export`.

    Returns:
        The models by name; empty if there are none.
    """
    return {
        name: ServedModel(name, version)
        for name, version in find(directory).items()
    }


def find(directory: pathlib.Path) -> dict[str, pathlib.Path]:
    """Finds the newest version of every SavedModel in a folder.

    Args:
        directory: The `--output_dir` of `fastnst.export`.

    Returns:
        The directory of the version by the name of the network.
    """
    found: dict[str, pathlib.Path] = {}
    for file in sorted(directory.glob("*/*/saved_model.pb")):
        version, name = file.parent, file.parent.parent.name
        if version.name.isdecimal():
            newest = found.setdefault(name, version)
            found[name] = max(newest, version, key=lambda path: int(path.name))
    return found


def select(
    models: Mapping[str, ServedModel], name: str, version: int | None
) -> ServedModel:
    """Returns a model; RequestError if it is not served.

    Args:
        models: By name.
        name: Of the model.
        version: None is whatever version is served.
    """
    model = models.get(name)
    if model is None or version not in (None, model.version):
        asked = name if version is None else f"{name} version {version}"
        raise RequestError(
            "NOT_FOUND",
            f"Served are: {_names(models.values())}. Received: {asked}.",
        )
    return model


def _names(models: Collection[ServedModel]) -> str:
    return (
        ", ".join(f"{model.name} version {model.version}" for model in models)
        or "no models"
    )


def _tensor(name: str, value: np.ndarray, spec: tf.TensorSpec) -> tf.Tensor:
    """Makes the input of a signature, or raises RequestError."""
    expected = f"{spec.dtype.name} {spec.shape}"
    try:
        dtype = tf.dtypes.as_dtype(value.dtype)
    except TypeError:
        dtype = None
    if dtype != spec.dtype or not spec.shape.is_compatible_with(value.shape):
        raise RequestError(
            "INVALID_ARGUMENT",
            f"{name} must be {expected}. Received: "
            f"{dtype.name if dtype else value.dtype} {value.shape}.",
        )
    return tf.constant(value, spec.dtype)


def _reason(message: str) -> str:
    """Returns the line of a message of TensorFlow that tells what is wrong."""
    lines = [
        line
        for line in message.splitlines()
        if line and not line.startswith(_AROUND_REASON)
    ]
    reason = lines[0] if lines else message
    if reason.startswith("assertion failed: "):
        return " ".join(re.findall(r"\[([^\]]*)\]", reason))
    return reason
