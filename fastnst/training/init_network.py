"""Starts a training from a network that was trained before."""

import keras
import numpy as np

from fastnst.networks import network_files
from fastnst.networks import saved_networks

# The variables of `ConditionalNormalization`.
_ROWS = ("/normalization/scale", "/normalization/shift")


def copy_weights(name_or_path: str, network: keras.Model) -> dict:
    """Copies the weights of a trained network into a new one.

    Styles are known by their names: one that both networks have keeps its
    normalization rows. The others start from the mean of the old rows, which
    shows what all old styles have in common; with one old style it is that one.

    Args:
        name_or_path: As `network_files.resolve` takes it.
        network: The new network, built; of the same class, preset and width.

    Returns:
        What the card of the new network says of the old one: its name, sha256
        and steps, and what it started from itself; "total_steps" counts both.

    Raises:
        ValueError: If the networks do not fit.
    """
    path = network_files.resolve(name_or_path)
    trained = saved_networks.load(path)
    alike = (
        type(trained) is type(network)
        and trained.preset == network.preset
        and len(trained.variables) == len(network.variables)
    )
    if not alike:
        raise ValueError(_misfit(name_or_path, trained, network))
    values = []
    for old, new in zip(trained.variables, network.variables):
        value = np.asarray(old)
        if old.path.endswith(_ROWS):
            value = _rows(value, trained.style_names, network.style_names)
        if value.shape != tuple(new.shape):
            raise ValueError(_misfit(name_or_path, trained, network))
        values.append(value)
    for new, value in zip(network.variables, values):
        new.assign(value)
    card = network_files.load_card(path)
    kept = ("description", "command", "steps", "started_from")
    return {
        "network": str(name_or_path),
        "sha256": network_files.sha256(path),
        "total_steps": card.get("total_steps", card.get("steps", 0)),
        **{key: card[key] for key in kept if key in card},
    }


def _rows(old_rows, old_names, new_names) -> np.ndarray:
    """Returns the rows of the new styles."""
    known = dict(zip(old_names, old_rows))
    mean = old_rows.mean(0)
    return np.stack([known.get(name, mean) for name in new_names])


def _misfit(name, trained, network) -> str:
    ignored = ("name", "dtype", "trainable")
    described = [
        ", ".join(
            f"{key}={value}"
            for key, value in each.get_config().items()
            if key not in ignored
        )
        for each in (network, trained)
    ]
    return (
        f"--init_network={name} does not fit the network of the flags: "
        f"expected {type(network).__name__} with {described[0]}. "
        f"Received: {type(trained).__name__} with {described[1]}."
    )
