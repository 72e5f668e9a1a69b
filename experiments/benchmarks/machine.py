"""What measurements depend on beside the contestants: machine and versions."""

import importlib.metadata
import platform

import worker

_PACKAGES = (
    "fastnst",
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "torch",
    "onnx",
    "onnxruntime",
    "numpy",
)


def versions() -> str:
    """Names the packages that are compared.

    Raises:
        ValueError: If some are not installed.
    """
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise ValueError(
            f"Packages are missing: {', '.join(missing)}. Install them with "
            "pip install -e '.[benchmarks]'."
        )
    return ", ".join(found)


def describe(threads: int, network: str | None) -> str:
    """Describes all in one line.

    Args:
        threads: That every contestant uses.
        network: fastnst's, or None for an untrained one.

    Raises:
        ValueError: If packages are missing.
    """
    packages = versions()
    # In a worker, for it imports TensorFlow.
    one = worker.Worker(threads)
    try:
        device = one.call("fastnst.evaluation.speed:device_name")
    finally:
        one.close()
    return (
        f"{device}, {threads} threads; Python {platform.python_version()}, "
        f"{packages}; fastnst's network: {network or 'untrained'}."
    )
