"""Style losses told apart by style, where a network learns several.

A batch holds few of them, so a step logs sums and numbers of images, and
whoever shows them divides, over as many steps as it likes.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

STYLE_OF = "style_of_"
_SUM = "sum_of_styles/"
_IMAGES = "images_of_styles/"


def sums(
    style_names: Sequence[str], styles: tf.Tensor, style_losses: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Sums the style losses of a batch for each style.

    Args:
        style_names: The styles.
        styles: float32, shape (batch, num_styles), one-hot.
        style_losses: float32, shape (batch,).

    Returns:
        For each style a sum and a number of images, float32, shape (1,).
    """
    found = {}
    for name, of_style in zip(style_names, tf.unstack(styles, axis=1)):
        total = tf.reduce_sum(of_style * style_losses)
        found[_SUM + name] = tf.reshape(total, [1])
        found[_IMAGES + name] = tf.reshape(tf.reduce_sum(of_style), [1])
    return found


def means(history: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Divides the sums of several steps by their numbers of images.

    Args:
        history: What steps logged, among it what `sums` returned.

    Returns:
        "style_of_<name>" to its mean style loss, without styles that had no
        image.
    """
    totals: dict[str, float] = {}
    for logs in history:
        for name, value in logs.items():
            if name.startswith((_SUM, _IMAGES)):
                totals[name] = totals.get(name, 0.0) + float(np.mean(value))
    names = [name.removeprefix(_SUM) for name in totals if _SUM in name]
    return {
        STYLE_OF + name: totals[_SUM + name] / totals[_IMAGES + name]
        for name in names
        if totals[_IMAGES + name]
    }


def without_sums(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what else a step logged."""
    return {
        name: value
        for name, value in logs.items()
        if not name.startswith((_SUM, _IMAGES))
    }
