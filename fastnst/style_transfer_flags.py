"""The flags that only the training of style transfer has."""

from absl import flags

STABILITY_WEIGHT = flags.DEFINE_float(
    "stability_weight",
    0.0,
    "Weight of the stability term: the stylized image must move with the "
    "content image, which takes the grid of dots out of flat areas and flicker "
    "out of video. The paper has none; 200 is enough.",
    lower_bound=0.0,
)
