"""What the train command does for style transfer only."""

from collections.abc import Iterator

from absl import flags
import numpy as np

from fastnst import init_flags
from fastnst import loss_flags
from fastnst import stability_flags
from fastnst import super_resolution_flags


class StyleTransferTask:
    """Builds the parts of the training of a style transfer network.

    Attributes:
        defaults: Flag name to its default in this task, where it has its own.
        ignored: The flags of the other task.
        facts: What else must be the same to continue a training.

    Raises:
        OSError: If a style picture cannot be read.
        ValueError: If the flags do not fit.
    """

    defaults: dict[str, str] = {}
    ignored = frozenset(
        flag.name
        for flag in flags.FLAGS.get_key_flags_for_module(
            super_resolution_flags.__name__
        )
    )

    def __init__(self):
        loss_flags.follow_loss_network()
        self._pictures = loss_flags.style_pictures()
        self._frozen_styles = init_flags.frozen_styles()
        self._frozen_pictures = (
            _pictures_of_init_network() if self._frozen_styles else []
        )
        self.facts = {
            f"sha256 of style {picture['name']}": picture["sha256"]
            for picture in self._pictures
        }
        random = loss_flags.VGG16_WEIGHTS.value == "random"
        self.facts["loss network"] = "random" if random else "trained"

    def check_image_size(self, image_size: int) -> None:
        """Accepts any."""

    def build_network(self, preset: str, width: float, dtype: str):
        """Builds the network of the flags."""
        from fastnst.networks import style_transfer_network

        return style_transfer_network.StyleTransferNetwork(
            preset,
            width=width,
            style_names=[*self._frozen_styles, *loss_flags.style_names()],
            dtype=dtype,
        )

    def build_trainer(self, network, precision: str):
        """Returns the loss network and the trainer of a network."""
        from fastnst.training import style_parameters
        from fastnst.training import style_transfer_trainer

        loss_network, objective = loss_flags.build_style_objective(precision)
        if self._frozen_styles:
            trained = style_parameters.freeze(network, objective.num_styles)
            print(f"trained: {trained} of {network.count_params()} numbers")
        trainer = style_transfer_trainer.StyleTransferTrainer(
            network,
            objective,
            num_frozen_styles=len(self._frozen_styles),
            stability_weight=stability_flags.STABILITY_WEIGHT.value,
        )
        return loss_network, trainer

    def batches(self, content_images):
        """Returns content images as the trainer takes them: as they are."""
        return content_images

    def check_photo(self, name: str, photo: np.ndarray) -> None:
        """Accepts any."""

    def show(self, transformer, photo: np.ndarray):
        """Shows a validation photo beside it in each style that is trained."""
        from fastnst.training import event_log

        stylized = [
            transformer.stylize(photo, style)
            for style in loss_flags.style_names()
        ]
        return event_log.Shown(np.concatenate([photo, *stylized], axis=1))

    def card(self, transformer, photos) -> dict:
        """Returns what only cards of this task say."""
        del photos
        return {
            "description": ", ".join(transformer.style_names),
            "style_images": [*self._frozen_pictures, *self._pictures],
        }

    def results(self, transformer, photos) -> Iterator[tuple[str, np.ndarray]]:
        """Yields file name and pixels of each stylized photo."""
        for name, photo in photos:
            for style in loss_flags.style_names():
                yield f"{name}_{style}.png", transformer.stylize(photo, style)


def _pictures_of_init_network() -> list[dict]:
    """Returns the style pictures in its card, and how they were learned."""
    from fastnst.networks import network_files

    card = network_files.load_card(str(init_flags.INIT_NETWORK.value))
    learned = {
        name: card[name] for name in ("flags", "loss_network") if name in card
    }
    return [{**learned, **picture} for picture in card.get("style_images", ())]
