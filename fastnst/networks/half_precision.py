"""Weights as they are stored: float16, half the bytes."""

import numpy as np


def rounded(values: np.ndarray, name: str) -> np.ndarray:
    """Rounds weights to float16.

    Args:
        values: float32, any shape.
        name: Of the variable, for the error.

    Returns:
        float16, the same shape.

    Raises:
        ValueError: If one is not finite, or becomes infinite.
    """
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    if not np.all(np.isfinite(half)):
        raise ValueError(
            f"{name} must fit into float16, at most 65504. Received: up to "
            f"{np.abs(values).max():g}: the training diverged."
        )
    return half
