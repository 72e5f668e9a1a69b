"""Which styles of a network, and how much of each, from what a user writes."""

from collections.abc import Sequence
import math

import numpy as np

# How far the weights of a blend may sum from 1: room for 0.33,0.33,0.33.
_TOLERANCE = 0.011


def weights(
    style, style_names: Sequence[str], network_name: str
) -> tuple[float, ...] | None:
    """Returns the weight of each style.

    Args:
        style: A name, a blend such as "wave:0.6,mosaic:0.4", a sequence of
            one weight per style, or None.
        style_names: The styles that the network knows.
        network_name: Of the network, for error messages.

    Returns:
        One weight per style, summing to 1; None for None.

    Raises:
        ValueError: If the network has no such style.
    """
    if style is None:
        return None
    if not style_names:
        raise ValueError(
            f"`style` must be None: {network_name!r} has no styles. "
            f"Received: style={style!r}."
        )
    if isinstance(style, str):
        found = _parsed(style, style_names)
    else:
        found = _numbers(style)
    total = math.fsum(found)
    if (
        len(found) != len(style_names)
        or not all(0 <= weight <= 1 for weight in found)
        or abs(total - 1) > _TOLERANCE
    ):
        raise ValueError(
            "`style` must give weights from 0 to 1 that sum to 1, for "
            f"{', '.join(style_names)}. Received: style={style!r}."
        )
    return tuple(weight / total for weight in found)


def _parsed(style: str, style_names: Sequence[str]) -> list[float]:
    """Parses "name" or "name:0.6,other:0.4"."""
    found = dict.fromkeys(style_names, 0.0)
    parts = style.split(",")
    for part in parts:
        name, colon, weight = part.strip().partition(":")
        if name not in found:
            raise ValueError(
                f"`style` must be one of {', '.join(found)}, or a blend such "
                f"as name:0.6,other:0.4. Received: style={style!r}."
            )
        # A lone name means all of it; in a list it needs its weight.
        given = weight if colon or len(parts) > 1 else "1"
        try:
            found[name] += float(given)
        except ValueError:
            raise ValueError(
                "`style` must give each style of a blend a weight, such as "
                f"name:0.6,other:0.4. Received: style={style!r}."
            ) from None
    return list(found.values())


def _numbers(style: Sequence) -> list[float]:
    try:
        return [float(weight) for weight in np.asarray(style).reshape(-1)]
    except (TypeError, ValueError):
        raise ValueError(
            "`style` must be a name, a blend or a sequence of weights. "
            f"Received: style={style!r}."
        ) from None
