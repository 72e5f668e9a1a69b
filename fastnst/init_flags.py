"""The flags of what a training starts from, and what of it is trained."""

from absl import flags

from fastnst import loss_flags

STYLE_PARAMETERS = "style_parameters"

INIT_NETWORK = flags.DEFINE_string(
    "init_network",
    None,
    "Trained network to start from: a name, a .keras file or a workdir. A "
    "style that it knows by name keeps its normalization rows, the others "
    "start from the mean of all rows.",
)
TRAIN = flags.DEFINE_enum(
    "train",
    "everything",
    ["everything", STYLE_PARAMETERS],
    "What is trained. style_parameters: only the normalization rows of new "
    "styles, which the network gets besides those of --init_network.",
)


def facts() -> dict[str, str]:
    """Returns what must be the same to continue a training.

    Raises:
        OSError: If the file of the network cannot be read.
        ValueError: If there is no such network.
    """
    from fastnst.networks import network_files

    if not INIT_NETWORK.value:
        return {}
    path = network_files.resolve(INIT_NETWORK.value)
    return {"sha256 of --init_network": network_files.sha256(path)}


def frozen_styles() -> tuple[str, ...]:
    """Returns the styles that stay as they are; none if all is trained.

    Raises:
        OSError: If the file of the network cannot be read.
        ValueError: If the flags do not fit each other or the network.
    """
    from fastnst.networks import network_files

    if TRAIN.value != STYLE_PARAMETERS:
        return ()
    if not INIT_NETWORK.value:
        raise ValueError(
            f"--train={STYLE_PARAMETERS} needs --init_network=NETWORK: the "
            "network that gets a new style."
        )
    known = network_files.describe(INIT_NETWORK.value).styles
    taken = set(known) & set(loss_flags.style_names())
    if taken:
        raise ValueError(
            f"--style_names must be new to --init_network={INIT_NETWORK.value}"
            f", which knows {', '.join(known)}. Received: {min(taken)}."
        )
    return known
