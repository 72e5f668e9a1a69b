"""A trained network applied to pictures of any size."""

from collections.abc import Mapping
from collections.abc import Sequence
import functools
import math
import os

import keras
import numpy as np
import tensorflow as tf

from fastnst.networks import network_files
from fastnst.networks import saved_networks

# Keras dtype policies by the name the commands use.
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}

# Traced functions are kept for this many picture sizes.
_NUM_SIZES = 8

# How far the weights of a blend may sum from 1: room for 0.33,0.33,0.33.
_BLEND_TOLERANCE = 0.011


class ImageTransformer:
    """Runs a transform network on pictures of any size.

    A function is traced for each size, which lets the network know it at
    tracing time, and the last few are kept. Pictures of a batch are run one by
    one: the memory needed is that of one.

    Args:
        network: A transform network.
        precision: What it computes in: "float32", or "bfloat16", which is
            faster on processors that have it; pixels move by about 1 of 255.
            With "bfloat16" a copy of the weights is taken here; with
            "float32" later changes of the network show.
        card: What is known of the network, see `network_files.load_card`.

    Attributes:
        network: The network given.
        card: The card given, or an empty dict.
        style_names: The names of its styles; empty for super-resolution.
    """

    def __init__(
        self,
        network: keras.Model,
        precision: str = "float32",
        *,
        card: Mapping | None = None,
    ):
        if precision not in PRECISIONS:
            raise ValueError(
                f"`precision` must be one of {', '.join(PRECISIONS)}. "
                f"Received: precision={precision!r}."
            )
        self.network = network
        self.card = dict(card or {})
        self.style_names = tuple(getattr(network, "style_names", ()))
        self._name = network.name
        self._computing = saved_networks.with_dtype_policy(
            network, PRECISIONS[precision]
        )
        self._traced = functools.lru_cache(_NUM_SIZES)(self._trace)

    @classmethod
    def load(
        cls, name_or_path: str | os.PathLike, *, precision: str = "float32"
    ) -> "ImageTransformer":
        """Loads a trained network and its card.

        Args:
            name_or_path: See `network_files.resolve`.
            precision: See the class.

        Returns:
            The transformer.

        Raises:
            ValueError: If there is no such network.
        """
        transformer = cls(
            saved_networks.load(name_or_path),
            precision,
            card=network_files.load_card(name_or_path),
        )
        transformer._name = os.fspath(name_or_path)
        return transformer

    def stylize(self, images, style=None) -> np.ndarray:
        """Stylizes pictures: `transform`, for style transfer networks only."""
        self.require_task("style_transfer")
        return self.transform(images, style)

    def upscale(self, images) -> np.ndarray:
        """Enlarges pictures: `transform`, super-resolution networks only."""
        self.require_task("super_resolution")
        return self.transform(images)

    def require_task(self, task: str) -> None:
        """Raises ValueError if the network was trained for another task."""
        if self.network.task != task:
            raise ValueError(
                f"`network` must be a {task} network. Received: "
                f"{self._name!r}, which is a {self.network.task} network."
            )

    def transform(self, images, style=None) -> np.ndarray:
        """Runs the network on a picture or a batch.

        Args:
            images: Array or tensor of uint8, or of any float type in
                [0, 255]; shape (height, width, 3) or (batch, height, width,
                3). Other ranges are not guessed: scale before.
            style: Which style, of a style transfer network: a name, a blend
                such as "wave:0.6,mosaic:0.4", a sequence of one weight per
                style, or None for the first. Weights sum to 1.

        Returns:
            The same rank as `images`, height and width times the network's
            factor (1 for style transfer). uint8 for uint8 images, rounded half
            to even; else float32 in [0, 255].

        Raises:
            ValueError: If `images` or `style` is not as above.
        """
        pictures = _checked_images(images)
        weights = self.style_weights(style)
        batch = pictures if pictures.ndim == 4 else pictures[None]
        results = [
            self._transform_one(picture, weights, pictures.dtype == np.uint8)
            for picture in batch
        ]
        if pictures.ndim == 3:
            return results[0]
        if results:
            return np.stack(results)
        factor = getattr(self.network, "factor", 1)
        height, width = pictures.shape[1:3]
        dtype = np.uint8 if pictures.dtype == np.uint8 else np.float32
        return np.zeros([0, factor * height, factor * width, 3], dtype)

    def _transform_one(
        self,
        picture: np.ndarray,
        weights: tuple[float, ...] | None,
        to_uint8: bool,
    ) -> np.ndarray:
        """Runs one (height, width, 3) picture."""
        arguments = [tf.cast(picture[None], tf.float32)]
        if self.style_names:
            first = [1.0] + [0.0] * (len(self.style_names) - 1)
            arguments.append(tf.constant([weights or first], tf.float32))
        transformed = self._traced(*picture.shape[:2])(*arguments)[0]
        if to_uint8:
            # tf.round rounds half to even, as NumPy does.
            transformed = tf.cast(
                tf.clip_by_value(tf.round(transformed), 0.0, 255.0), tf.uint8
            )
        return transformed.numpy()

    def _trace(self, height: int, width: int):
        """Returns the network's function of one picture of that size."""
        network = self._computing

        @tf.function(autograph=False, jit_compile=False)
        def transformed(images, *style_blend):
            result = network(images, *style_blend, training=False)
            return tf.cast(result, tf.float32)

        signature = [tf.TensorSpec([1, height, width, 3], tf.float32)]
        if self.style_names:
            signature.append(
                tf.TensorSpec([1, len(self.style_names)], tf.float32)
            )
        # The concrete function: TensorFlow warns of a new tf.function a size.
        return transformed.get_concrete_function(*signature)

    def style_weights(self, style) -> tuple[float, ...] | None:
        """Checks a style and returns the weight of each of the network's.

        Args:
            style: As `transform` takes it.

        Returns:
            One weight per style, summing to 1; None for None. `transform`
            takes it as `style`.

        Raises:
            ValueError: If the network has no such style.
        """
        if style is None:
            return None
        if not self.style_names:
            raise ValueError(
                f"`style` must be None: {self._name!r} has no styles. "
                f"Received: style={style!r}."
            )
        parse = self._parsed if isinstance(style, str) else _numbers
        weights = parse(style)
        total = math.fsum(weights)
        if (
            len(weights) != len(self.style_names)
            or not all(0 <= weight <= 1 for weight in weights)
            or abs(total - 1) > _BLEND_TOLERANCE
        ):
            raise ValueError(
                "`style` must give weights from 0 to 1 that sum to 1, for "
                f"{', '.join(self.style_names)}. Received: style={style!r}."
            )
        return tuple(weight / total for weight in weights)

    def _parsed(self, style: str) -> list[float]:
        """Parses "name" or "name:0.6,other:0.4"."""
        weights = dict.fromkeys(self.style_names, 0.0)
        parts = style.split(",")
        for part in parts:
            name, colon, weight = part.strip().partition(":")
            if name not in weights:
                raise ValueError(
                    f"`style` must be one of {', '.join(weights)}, or a blend "
                    "such as name:0.6,other:0.4. Received: "
                    f"style={style!r}."
                )
            # A lone name means all of it; in a list it needs its weight.
            given = weight if colon or len(parts) > 1 else "1"
            try:
                weights[name] += float(given)
            except ValueError:
                raise ValueError(
                    "`style` must give each style of a blend a weight, such as "
                    f"name:0.6,other:0.4. Received: style={style!r}."
                ) from None
        return list(weights.values())


def _numbers(style: Sequence) -> list[float]:
    try:
        return [float(weight) for weight in np.asarray(style).reshape(-1)]
    except (TypeError, ValueError):
        raise ValueError(
            "`style` must be a name, a blend or a sequence of weights. "
            f"Received: style={style!r}."
        ) from None


def _checked_images(images) -> np.ndarray:
    """Returns the images as a uint8 or floating array."""
    pictures = np.asarray(images)
    if pictures.ndim not in (3, 4) or pictures.shape[-1] != 3:
        raise ValueError(
            "`images` must have shape (height, width, 3) or (batch, height, "
            f"width, 3). Received: shape {pictures.shape}."
        )
    if 0 in pictures.shape[-3:-1]:
        raise ValueError(
            "`images` must have at least one pixel. Received: shape "
            f"{pictures.shape}."
        )
    if pictures.dtype == np.uint8:
        return pictures
    # bfloat16 is a floating type to TensorFlow, not to NumPy.
    if not tf.as_dtype(pictures.dtype).is_floating:
        raise ValueError(
            "`images` must be uint8, or floating with values in [0, 255]. "
            f"Received: {pictures.dtype}."
        )
    pictures = pictures.astype(np.float32)
    if not np.isfinite(pictures).all():
        raise ValueError("`images` must be finite. Received: NaN or infinity.")
    return pictures
