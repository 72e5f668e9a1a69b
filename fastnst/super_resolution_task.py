"""What the train command does for super-resolution only."""

from collections.abc import Iterator
from typing import Any

from absl import flags
import numpy as np

from fastnst import init_flags
from fastnst import loss_flags
from fastnst import stability_flags
from fastnst import super_resolution_flags

# Of the flags of the other task, those that super-resolution has too.
_SHARED = ("init_network", "tv_weight", "vgg16_weights")


class SuperResolutionTask:
    """Builds the parts of the training of a super-resolution network.

    Attributes:
        defaults: Flag name to its default in this task, where it has its own:
            the paper's settings.
        ignored: The flags of the other task.
        facts: What else must be the same to continue a training.

    Raises:
        ValueError: If the flags do not fit.
    """

    defaults = {
        "factor": "4",
        "degradation": "paper",
        "image_size": "288",
        "num_steps": "200000",
        "resize": "patch",
        "tv_weight": "0",
    }
    ignored = frozenset(
        flag.name
        for module in (init_flags, loss_flags, stability_flags)
        for flag in flags.FLAGS.get_key_flags_for_module(module.__name__)
        if flag.name not in _SHARED
    )

    def __init__(self):
        self._weights = super_resolution_flags.loss_weights()
        self._factor = int(str(super_resolution_flags.FACTOR.value))
        self._degradation = str(super_resolution_flags.DEGRADATION.value)
        self.facts: dict[str, str] = {}

    @property
    def _protocol(self):
        """How validation photos are scored."""
        from fastnst.evaluation import super_resolution_table

        return super_resolution_table.Protocol(self._factor, self._degradation)

    def check_image_size(self, image_size: int) -> None:
        """Raises ValueError if the factor does not divide a size."""
        if image_size % self._factor:
            raise ValueError(
                "--image_size must be a multiple of --factor="
                f"{self._factor}. Received: {image_size}."
            )

    def build_network(self, preset: str, width: float, dtype: str):
        """Builds the network of the flags."""
        from fastnst.networks import super_resolution_network

        return super_resolution_network.SuperResolutionNetwork(
            self._factor, preset, width, dtype=dtype
        )

    def build_trainer(self, network, precision: str):
        """Returns the loss network, None without, and the trainer."""
        from fastnst.training import super_resolution_objective
        from fastnst.training import super_resolution_trainer

        pixel_weight, feature_weight = self._weights
        layer = super_resolution_flags.FEATURE_LAYER.value
        loss_network = None
        if feature_weight:
            loss_network = loss_flags.build_loss_network([layer], precision)
        objective = super_resolution_objective.SuperResolutionObjective(
            loss_network,
            pixel_weight=pixel_weight,
            feature_weight=feature_weight,
            feature_layer=layer,
            outer_bands_weight=super_resolution_flags.OUTER_BANDS_WEIGHT.value,
            factor=self._factor,
            tv_weight=loss_flags.TV_WEIGHT.value,
        )
        trainer = super_resolution_trainer.SuperResolutionTrainer(
            network, objective
        )
        return loss_network, trainer

    def batches(self, content_images):
        """Returns patches as the trainer takes them: beside small ones."""
        from fastnst.data import super_resolution_pairs

        return super_resolution_pairs.super_resolution_pairs(
            content_images,
            factor=self._factor,
            degradation=self._degradation,
        )

    def check_photo(self, name: str, photo: np.ndarray) -> None:
        """Raises ValueError if a validation photo is too small to score."""
        self._protocol.truth(name, photo)

    def _enlarge(self, transformer, photos):
        from fastnst.evaluation import super_resolution_table

        return super_resolution_table.enlarge(
            self._protocol, photos, transformer.upscale
        )

    def show(self, transformer, photo: np.ndarray):
        """Shows low resolution | bicubic | output | truth, and the scores."""
        from fastnst.evaluation import super_resolution_table
        from fastnst.training import event_log

        (enlarged,) = self._enlarge(transformer, [("", photo)])
        scores = {
            f"{measure}_{row}": value
            for row, score in enlarged.scores.items()
            for measure, value in score._asdict().items()
        }
        return event_log.Shown(
            super_resolution_table.side_by_side(enlarged), scores
        )

    def card(self, transformer, photos) -> dict:
        """Returns what only cards of this task say; scores if photos."""
        from fastnst.evaluation import super_resolution_table

        pixel_weight, feature_weight = self._weights
        card: dict[str, Any] = {
            "description": f"x{self._factor}, pixel weight "
            f"{pixel_weight:g}, feature weight {feature_weight:g}"
        }
        if photos:
            rows = super_resolution_table.rows(
                list(self._enlarge(transformer, photos))
            )
            card["validation"] = {
                "protocol": str(self._protocol),
                "photos": [name for name, _ in photos],
                "scores": {
                    row.row: {"psnr": row.psnr, "ssim": row.ssim}
                    for row in rows
                    if row.photo == super_resolution_table.MEAN
                },
            }
        return card

    def results(self, transformer, photos) -> Iterator[tuple[str, np.ndarray]]:
        """Yields file name and pixels of each photo, side by side."""
        from fastnst.evaluation import super_resolution_table

        for enlarged in self._enlarge(transformer, photos):
            yield (
                f"{enlarged.photo}_x{self._factor}.png",
                super_resolution_table.side_by_side(enlarged),
            )
