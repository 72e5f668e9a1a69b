"""Starts a training from a network that was trained before."""

import hashlib

import keras
import numpy as np

from fastnst.networks import network_files
from fastnst.networks import saved_networks


def copy_weights(name_or_path: str, network: keras.Model) -> dict:
    """Copies the weights of a trained network into a new one.

    The normalization rows of a network with one style become the rows of
    every style of the new one.

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
    pairs = list(zip(trained.variables, network.variables))
    same_layers = type(trained) is type(network) and all(
        old.path.split("/")[1:] == new.path.split("/")[1:]
        for old, new in pairs
    )
    if not same_layers or len(trained.variables) != len(network.variables):
        raise ValueError(_misfit(name_or_path, trained, network))
    values = []
    for old, new in pairs:
        value = np.asarray(old)
        if len(value) == 1 and value.ndim == 2:
            value = np.repeat(value, new.shape[0], axis=0)
        if value.shape != tuple(new.shape):
            raise ValueError(_misfit(name_or_path, trained, network))
        values.append(value)
    for new, value in zip(network.variables, values):
        new.assign(value)
    card = network_files.load_card(path)
    kept = ("description", "command", "steps", "started_from")
    return {
        "network": str(name_or_path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "total_steps": card.get("total_steps", card.get("steps", 0)),
        **{key: card[key] for key in kept if key in card},
    }


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
