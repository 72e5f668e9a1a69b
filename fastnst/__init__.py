"""Fast neural style transfer and super-resolution with perceptual losses.

An implementation of Johnson, Alahi and Fei-Fei, "Perceptual Losses for
Real-Time Style Transfer and Super-Resolution" (ECCV 2016).
"""

import os
import re
import sys
import tempfile

__version__ = "0.1.0"

# TensorFlow reads this once, when it is imported; a value set by the user wins.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


# What TensorFlow logs while it is imported, before it looks at that variable.
_STARTUP_LINE = re.compile(
    rb"WARNING: All log messages before absl|[IWE]\d{4} .*\.cc:\d+\] "
)


def load_network(name_or_path: str, precision: str = "float32"):
    """Loads a trained network, ready to transform images of any size.

    Args:
        name_or_path: Name of a network that ships with fastnst, or the path
            of a `network.keras` file or of the workdir that holds one.
        precision: "float32", or "bfloat16" where the processor has it.

    Returns:
        A `fastnst.inference.transform.ImageTransformer`.

    Raises:
        ValueError: If there is no such network.

    Example:
        >>> import fastnst, numpy
        >>> photo = numpy.full([48, 65, 3], 127, "uint8")
        >>> stylized = fastnst.load_network("wave").stylize(photo)
        >>> stylized.shape, stylized.dtype
        ((48, 65, 3), dtype('uint8'))
    """
    # TensorFlow takes seconds to import; `import fastnst` must not.
    import_tensorflow()
    from fastnst.inference.transform import ImageTransformer

    return ImageTransformer.load(name_or_path, precision=precision)


def import_tensorflow() -> None:
    """Imports TensorFlow without the lines it prints while it starts.

    They tell that oneDNN is used and CUDA is not there, several times. Commands
    call this before they import what needs TensorFlow.
    """
    if "tensorflow" in sys.modules:
        return
    try:
        stderr = os.dup(2)
    except OSError:  # No stderr: nobody would see the lines.
        return
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            printed.seek(0)
            for line in printed:
                if not _STARTUP_LINE.match(line):
                    os.write(2, line)
