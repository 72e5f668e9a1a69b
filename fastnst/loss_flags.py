"""The flags of the loss network and the objective, shared by commands."""

import hashlib
import math
import pathlib
import re

from absl import flags

from fastnst import flag_values

STYLE_IMAGE = flags.DEFINE_list(
    "style_image",
    None,
    "Style pictures, separated by commas: one network learns all of them.",
)
STYLE_NAMES = flags.DEFINE_list(
    "style_names", None, "Their names. Default: the names of the files."
)
STYLE_IMAGE_SIZE = flags.DEFINE_integer(
    "style_image_size",
    256,
    "Short side of the style pictures, in pixels; 0 leaves them as they are. "
    "Smaller pictures give smaller strokes. They are never squashed.",
    lower_bound=0,
)
STYLE_SCALES = flags.DEFINE_list(
    "style_scales",
    ["1"],
    "Sizes, of 1, 0.5 and 0.25, at which the style loss is taken; the smaller "
    "see larger strokes. The paper has 1.",
)
CONTENT_LAYER = flags.DEFINE_string(
    "content_layer", "relu3_3", "Layer of the feature reconstruction loss."
)
CONTENT_WEIGHT = flags.DEFINE_float(
    "content_weight",
    1.0,
    "Weight of the feature reconstruction loss, eq. (2).",
    lower_bound=0.0,
)
STYLE_LAYERS = flags.DEFINE_list(
    "style_layers",
    ["relu1_2", "relu2_2", "relu3_3", "relu4_3"],
    "Layers of the style reconstruction loss. Default with vgg16_small: those "
    "it has, relu1_2,relu2_2,relu3_3.",
)
STYLE_WEIGHTS = flags.DEFINE_list(
    "style_weights",
    None,
    "Their weights, one each, in the units of eq. (4), a sum of squares. "
    "Default: 5 / channels ** 2, which is the released code's 5.",
)
TV_WEIGHT = flags.DEFINE_float(
    "tv_weight",
    2e-6,
    "Weight of the total variation, the sum of squared differences per image. "
    "The default is the released code's 1e-6.",
    lower_bound=0.0,
)
LOSS_NETWORK = flags.DEFINE_enum(
    "loss_network",
    "vgg16",
    ["vgg16", "vgg16_small"],
    "What compares images. vgg16_small ships with fastnst, sees nearly what "
    "VGG16 sees to relu3_3, and is several times faster.",
)
VGG16_WEIGHTS = flags.DEFINE_string(
    "vgg16_weights",
    "imagenet",
    "Weights of vgg16: 'imagenet' (downloaded by Keras), the path "
    "of a Keras HDF5 file, or 'random', which will not show the style.",
)


def one_style_image() -> str:
    """Returns the picture of --style_image, where only one makes sense.

    Raises:
        ValueError: If there is none, or more.
    """
    pictures = STYLE_IMAGE.value or []
    if len(pictures) != 1:
        raise ValueError(
            "--style_image=FILE must be given, one picture. Received: "
            f"{','.join(pictures) or 'none'}."
        )
    return pictures[0]


def follow_loss_network() -> None:
    """Gives flags the defaults that belong to the loss network of the flags.

    Raises:
        ValueError: If a flag of another loss network is set.
    """
    if LOSS_NETWORK.value == "vgg16_small":
        if flags.FLAGS["vgg16_weights"].present:
            raise ValueError(
                "--vgg16_weights does not belong to "
                "--loss_network=vgg16_small, whose weights ship with fastnst. "
                "Leave one of the two out."
            )
        flags.FLAGS.set_default("style_layers", "relu1_2,relu2_2,relu3_3")


def style_weights() -> dict[str, float]:
    """Returns layer to weight, in the units of eq. (4).

    Raises:
        ValueError: If the flags do not name layers with one weight each.
    """
    from fastnst.networks import loss_network

    follow_loss_network()
    layers = STYLE_LAYERS.value
    loss_network.check_layers(layers)
    if len(set(layers)) != len(layers):
        raise ValueError(
            f"--style_layers names a layer twice. Received: {layers}."
        )
    if STYLE_WEIGHTS.value is None:
        return {
            layer: 5.0 / loss_network.num_channels(layer) ** 2
            for layer in layers
        }
    weights = flag_values.numbers("style_weights", STYLE_WEIGHTS.value)
    if len(weights) != len(layers):
        raise ValueError(
            "--style_weights must hold one number for each of --style_layers="
            f"{','.join(layers)}. Received: {len(weights)} numbers."
        )
    return dict(zip(layers, weights))


def style_names() -> list[str]:
    """Returns one name for each style picture.

    Raises:
        ValueError: If there is no picture, or not one name for each.
    """
    pictures = STYLE_IMAGE.value
    if not pictures:
        raise ValueError("--style_image=FILE is missing: the style picture.")
    names = STYLE_NAMES.value or [pathlib.Path(p).stem for p in pictures]
    if len(names) != len(pictures) or len(set(names)) != len(names):
        raise ValueError(
            "--style_names must hold one different name for each of "
            f"--style_image={','.join(pictures)}. Received: {','.join(names)}."
        )
    # They name files, and --style=wave:0.6,mosaic:0.4 takes them apart.
    if not all(names) or re.search("[/:,=]", "".join(names)):
        raise ValueError(
            "--style_names must not be empty nor hold any of / : , = (their "
            "default is the names of the files). Received: "
            f"{' '.join(map(repr, names))}."
        )
    return names


def style_pictures() -> list[dict[str, str]]:
    """Returns name, path and sha256 of each style picture, for cards.

    Raises:
        OSError: If a picture cannot be read.
        ValueError: If the flags do not fit.
    """
    return [
        {
            "name": name,
            "path": path,
            "sha256": hashlib.sha256(
                pathlib.Path(path).read_bytes()
            ).hexdigest(),
        }
        for name, path in zip(style_names(), STYLE_IMAGE.value or [])
    ]


def build_loss_network(layers: list[str], precision: str):
    """Builds the loss network of the flags.

    Args:
        layers: The layers that will be asked for.
        precision: "float32" or "mixed_bfloat16".

    Returns:
        A `LossNetwork` or a `SmallLossNetwork`.

    Raises:
        OSError: If the file of the small one cannot be read.
        ValueError: If the weights cannot be had, or it has no such layer.
    """
    from fastnst.networks import loss_network
    from fastnst.networks import small_loss_network

    compute_dtype = precision.removeprefix("mixed_")
    if LOSS_NETWORK.value == "vgg16_small":
        return small_loss_network.SmallLossNetwork(
            layers, compute_dtype=compute_dtype
        )
    return loss_network.LossNetwork(
        layers, weights=VGG16_WEIGHTS.value, compute_dtype=compute_dtype
    )


def build_style_objective(precision: str = "float32"):
    """Builds the objective of style transfer, eq. (5), of the flags.

    Args:
        precision: "float32" or "mixed_bfloat16", of the loss network.

    Returns:
        The loss network and the `StyleObjective`.

    Raises:
        OSError: If a style picture cannot be read.
        ValueError: If the flags do not fit or the weights cannot be had.
    """
    from fastnst.data import image_files
    from fastnst.training import style_objective

    weights = style_weights()
    scales = _style_scales()
    style_names()
    pictures = [
        image_files.read_image(path).flattened()
        for path in STYLE_IMAGE.value or []
    ]
    if STYLE_IMAGE_SIZE.value:
        pictures = [
            image_files.resize_short_side(picture, STYLE_IMAGE_SIZE.value)
            for picture in pictures
        ]
    for path, picture in zip(STYLE_IMAGE.value or [], pictures):
        name = f"--style_image={path}, after --style_image_size,"
        check_size(name, picture.shape[:2], list(weights), min(scales))
    network = build_loss_network([CONTENT_LAYER.value, *weights], precision)
    objective = style_objective.StyleObjective(
        network,
        pictures,
        content_layer=CONTENT_LAYER.value,
        content_weight=CONTENT_WEIGHT.value,
        style_weights=weights,
        tv_weight=TV_WEIGHT.value,
        style_scales=scales,
    )
    return network, objective


def check_size(
    name: str, size: tuple[int, int], layers: list[str], scale: float = 1.0
) -> None:
    """Refuses a picture that the loss network pools to nothing.

    Args:
        name: What sets the size, for the error.
        size: Height and width, pixels.
        layers: The layers that will be asked for.
        scale: The smallest size at which they will be, in parts.

    Raises:
        ValueError: If a layer does not exist, or the picture is too small.
    """
    from fastnst.networks import loss_network

    loss_network.check_layers(layers)
    # Names sort by depth; before relu3_3 come two poolings.
    deepest = max(layers)
    smallest = math.ceil(2 ** (int(deepest[len("relu")]) - 1) / scale)
    if min(size) < smallest:
        raise ValueError(
            f"{name} must be at least {smallest} pixels high and wide for "
            f"{deepest}. Received: {size[1]}x{size[0]}."
        )


def check_content_size(name: str, size: tuple[int, int]) -> None:
    """Does the same for a content image and the layers of the flags."""
    scales = _style_scales()
    layers = [CONTENT_LAYER.value, *style_weights()]
    check_size(name, size, layers, min(scales))


def _style_scales() -> list[float]:
    scales = flag_values.numbers("style_scales", STYLE_SCALES.value)
    if not min(scales):
        raise ValueError(
            "--style_scales must be of 1, 0.5 and 0.25. Received: "
            f"{','.join(STYLE_SCALES.value)}."
        )
    return scales
