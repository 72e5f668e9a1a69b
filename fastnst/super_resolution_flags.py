"""The flags of super-resolution, shared by train and evaluate."""

from absl import flags

LOSSES = {"pixel": (1.0, 0.0), "feature": (0.0, 1.0)}

FACTOR = flags.DEFINE_enum(
    "factor",
    None,
    ["4", "8"],
    "How many times larger super-resolution makes an image. Default: 4 in "
    "training, the network's in evaluation.",
)
DEGRADATION = flags.DEFINE_enum(
    "degradation",
    None,
    ["bicubic", "paper"],
    "How low-resolution images are made: MATLAB's bicubic, or a Gaussian blur "
    "of sigma 1.0 first, as the paper did for training. Default: paper in "
    "training, bicubic in evaluation, as the paper's tables.",
)
LOSS = flags.DEFINE_enum(
    "loss",
    None,
    [*LOSSES, "weights"],
    "What super-resolution is trained for: one of the paper's two pure cases, "
    "or --pixel_weight and --feature_weight.",
)
PIXEL_WEIGHT = flags.DEFINE_float(
    "pixel_weight", None, "Weight of the pixel loss.", lower_bound=0.0
)
FEATURE_WEIGHT = flags.DEFINE_float(
    "feature_weight",
    None,
    "Weight of the feature reconstruction loss, eq. (2), in super-resolution.",
    lower_bound=0.0,
)
FEATURE_LAYER = flags.DEFINE_string(
    "feature_layer", "relu2_2", "Its layer in super-resolution."
)
OUTER_BANDS_WEIGHT = flags.DEFINE_float(
    "outer_bands_weight",
    0.0,
    "Weight of the pixel loss in coarse and in fine structure, which keeps "
    "features from drawing a weave in super-resolution. The paper has none.",
    lower_bound=0.0,
)


def loss_weights() -> tuple[float, float]:
    """Returns the weights of pixels and of features.

    Raises:
        ValueError: If the flags contradict each other, or say nothing.
    """
    given = (PIXEL_WEIGHT.value, FEATURE_WEIGHT.value)
    if LOSS.value in LOSSES:
        if given != (None, None):
            raise ValueError(
                f"--loss={LOSS.value} sets the weights of pixels and features "
                "already: leave it out, or --pixel_weight and "
                "--feature_weight. Received: both."
            )
        return LOSSES[LOSS.value]
    if not any(given):
        raise ValueError(
            "--loss=pixel, --loss=feature, or a --pixel_weight or "
            "--feature_weight above 0 must be given. Received: none."
        )
    return given[0] or 0.0, given[1] or 0.0
