"""A trained network applied to pictures of any size."""

from collections.abc import Mapping
import functools
import os

import keras
import numpy as np
import tensorflow as tf

from fastnst.inference import look
from fastnst.inference import memory
from fastnst.inference import style_blend
from fastnst.inference import tiling
from fastnst.networks import network_files
from fastnst.networks import saved_networks

# Keras dtype policies by the name the commands use.
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}

# Traced functions are kept for this many picture sizes.
_NUM_SIZES = 8


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

    def stylize(
        self, images, style=None, *, tile="auto", progress=None, **options
    ) -> np.ndarray:
        """Stylizes pictures: `transform`, for style transfer networks only.

        Args:
            images: See `transform`.
            style: The same.
            tile: The same.
            progress: The same.
            **options: How much of the style, and where: `strength`,
                `keep_colors`, `max_side`, `mask`, `style_masks`, `compare`.
                See `look.Look`.

        Returns:
            What `transform` returns; smaller with `max_side`, twice as wide
            with `compare`.

        Raises:
            ValueError: If an argument is not as described.
        """
        self.require_task("style_transfer")
        wanted = look.Look(**options)
        pictures = _checked_images(images)
        if style is not None and wanted.style_masks:
            raise ValueError("`style` must be None with `style_masks`.")
        # Before the first of several styles takes its time.
        for name in wanted.style_masks or [style]:
            self.style_weights(name)
        run = functools.partial(self.transform, tile=tile, progress=progress)
        if pictures.ndim == 3:
            return wanted.apply(pictures, run, style)
        if not len(pictures):
            return self.transform(pictures)
        return np.stack([wanted.apply(one, run, style) for one in pictures])

    def upscale(self, images, *, tile="auto", progress=None) -> np.ndarray:
        """Enlarges pictures: `transform`, super-resolution networks only."""
        self.require_task("super_resolution")
        return self.transform(images, tile=tile, progress=progress)

    def require_task(self, task: str) -> None:
        """Raises ValueError if the network was trained for another task."""
        if self.network.task != task:
            raise ValueError(
                f"`network` must be a {task} network. Received: "
                f"{self._name!r}, which is a {self.network.task} network."
            )

    def require_trained_loss_network(self) -> None:
        """Raises ValueError if random weights judged the training."""
        # Styles that were there before the others have a judge of their own.
        learned = [self.card, *self.card.get("style_images", ())]
        judges = [each.get("loss_network", {}) for each in learned]
        if any(judge.get("weights") == "random" for judge in judges):
            raise ValueError(
                "The network was trained with a loss network of random weights "
                "(its card says so): measuring it means nothing."
            )

    def require_factor(self, factor: int | None) -> None:
        """Raises ValueError if the network enlarges by another factor.

        Args:
            factor: The factor that is wanted; None takes any.
        """
        if factor not in (None, self.network.factor):
            raise ValueError(
                f"`factor` must be {self.network.factor}, that of the network "
                f"{self._name!r}. Received: {factor}."
            )

    def transform(
        self, images, style=None, *, tile="auto", progress=None
    ) -> np.ndarray:
        """Runs the network on a picture or a batch.

        Args:
            images: Array or tensor of uint8, or of any float type in
                [0, 255]; shape (height, width, 3) or (batch, height, width,
                3). Other ranges are not guessed: scale before.
            style: Which style, of a style transfer network: a name, a blend
                such as "wave:0.6,mosaic:0.4", a sequence of one weight per
                style, or None for the first. Weights sum to 1.
            tile: Whether a picture goes through the network a part at a time,
                which changes its pixels by less than 0.05: "auto", where the
                whole would take too much memory; "off"; or the number of rows
                of a part.
            progress: Called with the share of a picture that is done, if it
                is done in parts.

        Returns:
            The same rank as `images`, height and width times the network's
            factor (1 for style transfer). uint8 for uint8 images, rounded half
            to even; else float32 in [0, 255].

        Raises:
            OSError: If neither memory nor disk hold what a picture needs.
            ValueError: If an argument is not as above, or with "off" a
                picture is too large for the memory.
        """
        pictures = _checked_images(images)
        weights = self.style_weights(style)
        tile = tiling.checked(tile)
        batch = pictures if pictures.ndim == 4 else pictures[None]
        results = [
            self._transform_one(picture, weights, tile, progress)
            for picture in batch
        ]
        if pictures.ndim == 3:
            return results[0]
        if results:
            return np.stack(results)
        factor = self.network.factor
        height, width = pictures.shape[1:3]
        dtype = np.uint8 if pictures.dtype == np.uint8 else np.float32
        return np.zeros([0, factor * height, factor * width, 3], dtype)

    def _transform_one(self, picture, weights, tile, progress) -> np.ndarray:
        """Runs one (height, width, 3) picture."""
        height, width = picture.shape[:2]
        blend = None
        if self.style_names:
            first = [1.0] + [0.0] * (len(self.style_names) - 1)
            blend = tf.constant([weights or first], tf.float32)
        if tile == "off":
            memory.check(self.network, height, width)
        if tile == "off" or (
            tile == "auto" and memory.fits(self.network, height, width)
        ):
            try:
                return self._transform_whole(picture, blend)
            except (MemoryError, tf.errors.ResourceExhaustedError):
                if tile == "off":
                    raise
        rows = tile
        if tile == "auto":
            rows = tiling.default_rows(self.network, width)
        return tiling.transform(
            self._computing, picture, blend, rows=rows, progress=progress
        )

    def _transform_whole(self, picture, blend) -> np.ndarray:
        arguments = [tf.cast(picture[None], tf.float32)]
        if blend is not None:
            arguments.append(blend)
        transformed = self._traced(*picture.shape[:2])(*arguments)[0]
        return tiling.as_pixels(transformed, picture.dtype)

    def _trace(self, height: int, width: int):
        """Returns the network's function of one picture of that size."""
        network = self._computing

        @tf.function(autograph=False, jit_compile=False)
        def transformed(images, *blend):
            result = network(images, *blend, training=False)
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
        return style_blend.weights(style, self.style_names, self._name)


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
