"""Loading and saving trained networks.

Where they are, and what is known of them without loading, is in
`network_files`.
"""

import os
import pathlib

import keras

from fastnst import whole_files
from fastnst.networks import network_files
from fastnst.networks import style_transfer_network  # noqa: F401 (registers)
from fastnst.networks import super_resolution_network  # noqa: F401 (registers)


def load(name_or_path: str | os.PathLike) -> keras.Model:
    """Loads a trained network.

    Args:
        name_or_path: As `network_files.resolve` takes it.

    Returns:
        The network; variables and computation are float32.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If there is no such network, or the file holds none.
    """
    path = network_files.resolve(name_or_path)
    network_files.read_config(path)
    try:
        network = keras.saving.load_model(path, compile=False)
    except (MemoryError, OSError):
        raise
    # A damaged file makes Keras, h5py and zlib raise nearly anything.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be loaded, it is damaged or of another version of "
            f"fastnst ({type(error).__name__}: "
            f"{network_files.first_line(error)})."
        ) from error
    _check_float32(network, path)
    return network


def save(network: keras.Model, path: str | os.PathLike, card: dict) -> None:
    """Writes a trained network, in float32, and its card beside it.

    Both are complete under temporary names before either takes its place, so
    neither a full disk nor a kill loses the network that was there before.

    Args:
        network: Of any dtype policy; its variables are float32.
        path: The `.keras` file; the card has the same name with `.json`.
        card: What JSON can hold.

    Raises:
        OSError: If the files cannot be written.
        ValueError: If `path` does not end in `.keras`, or the card holds a
            number that is not finite.
    """
    path = pathlib.Path(path)
    suffix = network_files.SUFFIX
    if path.suffix != suffix:
        raise ValueError(f"`path` must end in {suffix}. Received: {path}.")
    text = network_files.card_text(card)
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        whole_files.replacing(path.with_suffix(".json")) as temporary_card,
        whole_files.replacing(path, suffix) as temporary,
    ):
        with_dtype_policy(network, "float32").save(temporary)
        temporary_card.write_text(text, encoding="utf-8")


def with_dtype_policy(network: keras.Model, policy: str) -> keras.Model:
    """Returns the network, or a copy of it that computes in another type.

    Args:
        network: A transform network.
        policy: Name of a Keras dtype policy: "float32", "mixed_bfloat16".

    Returns:
        `network` itself if it has that policy, else a network of the same
        configuration and with the same weights, which are not shared.
    """
    if network.dtype_policy.name == policy:
        return network
    shape = (None, None, None, 3)
    if not network.built:
        network.build(shape)
    config = {**network.get_config(), "dtype": policy}
    twin = type(network).from_config(config)
    if not twin.built:
        twin.build(shape)
    twin.set_weights(network.get_weights())
    return twin


def _check_float32(network: keras.Model, path: pathlib.Path) -> None:
    found = {str(layer.compute_dtype) for layer in network._flatten_layers()}
    found |= {str(variable.dtype) for variable in network.weights}
    if found != {"float32"}:
        raise ValueError(
            f"{path} must hold a float32 network. Received: "
            f"{', '.join(sorted(found))}. Write it with saved_networks.save."
        )
