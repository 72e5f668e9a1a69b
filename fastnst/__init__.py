"""Fast neural style transfer and super-resolution with perceptual losses.

An implementation of Johnson, Alahi and Fei-Fei, "Perceptual Losses for
Real-Time Style Transfer and Super-Resolution" (ECCV 2016).
"""

import os

__version__ = "0.1.0"

# TensorFlow reads this once, when it is imported; a value set by the user wins.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


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
    """
    # TensorFlow takes seconds to import; `import fastnst` must not.
    from fastnst.inference import transform

    return transform.ImageTransformer.load(name_or_path, precision=precision)
