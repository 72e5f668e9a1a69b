"""The machine and the packages that a training runs on."""

import importlib.metadata
import pathlib
import platform
import shutil

import tensorflow as tf

_PACKAGES = ("fastnst", "tensorflow", "keras", "numpy")


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that matter."""
    packages = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **packages}


def describe(precision: str, jit_compile: bool) -> list[str]:
    """Returns lines that say what the training will run on.

    Args:
        precision: "float32" or "mixed_bfloat16".
        jit_compile: Whether the step is compiled with XLA.
    """
    devices = tf.config.list_logical_devices()
    names = ", ".join(
        device.name.removeprefix("/device:") for device in devices
    )
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    lines = [
        f"devices: {names}; threads: {threads or 'all cores'}; "
        f"precision: {precision}; XLA: {'on' if jit_compile else 'off'}"
    ]
    if _has_nvidia_driver() and not tf.config.list_physical_devices("GPU"):
        lines.append(
            "There is an NVIDIA driver, but TensorFlow sees no GPU. Install "
            "its libraries: pip install 'tensorflow[and-cuda]'"
        )
    return lines


def _has_nvidia_driver() -> bool:
    version = pathlib.Path("/proc/driver/nvidia/version")
    return version.exists() or shutil.which("nvidia-smi") is not None
