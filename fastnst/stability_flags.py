"""The flag of the stability term, which style transfer can be trained with."""

from absl import flags

STABILITY_WEIGHT = flags.DEFINE_float(
    "stability_weight",
    0.0,
    "Weight of the stability term: the output must move with the input, which "
    "takes grids of dots and the frame away, and flicker out of video. The "
    "paper has none; 100 to 200 are enough.",
    lower_bound=0.0,
)
