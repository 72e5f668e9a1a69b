"""Trained networks on disk: from a name to a file, loading and saving.

A trained network is two files: `network.keras`, which is enough for every
command (class, styles and sizes are in its config), and beside it the card
`network.json`: how it was trained and how good it is.
"""

import dataclasses
import json
import os
import pathlib
from typing import Any
import zipfile

import keras

from fastnst.networks import style_transfer_network  # noqa: F401 (registers)
from fastnst.networks import super_resolution_network  # noqa: F401 (registers)
import fastnst.pretrained

PRETRAINED = pathlib.Path(fastnst.pretrained.__file__).parent
NETWORK_FILE = "network.keras"
_SUFFIX = ".keras"


@dataclasses.dataclass(frozen=True)
class Description:
    """What is known of a trained network without loading it.

    Attributes:
        task: "style_transfer" or "super_resolution".
        styles: The names of its styles; empty for super-resolution.
        factor: Output size over input size.
        num_bytes: Size of its file.
        text: One line about it, from its card; may be empty.
    """

    task: str
    styles: tuple[str, ...]
    factor: int
    num_bytes: int
    text: str


def list_networks() -> list[str]:
    """Returns the names of the networks that ship with fastnst, sorted."""
    return sorted(
        path.stem
        for path in PRETRAINED.glob(f"*{_SUFFIX}")
        if not path.name.startswith(".")
    )


def resolve(name_or_path: str | os.PathLike) -> pathlib.Path:
    """Finds the file of a trained network.

    Args:
        name_or_path: The name of a network that ships with fastnst (it wins
            over a folder of that name: write `./name` for the folder), a
            `.keras` file, or a workdir that holds `network.keras`.

    Returns:
        The path of the `.keras` file.

    Raises:
        ValueError: If there is no such network; says what there is.
    """
    name = os.fspath(name_or_path)
    if name in list_networks():
        return PRETRAINED / f"{name}{_SUFFIX}"
    path = pathlib.Path(name).expanduser()
    if name and path.is_dir():
        if (path / NETWORK_FILE).is_file():
            return path / NETWORK_FILE
        raise ValueError(
            f"The folder {path} holds no {NETWORK_FILE}: it is no workdir of a "
            "training, or the training has not got that far."
        )
    if path.suffix == _SUFFIX and path.is_file():
        return path
    shipped = ", ".join(list_networks()) or "none ships with this version"
    raise ValueError(
        f"`network` must be the name of a network ({shipped}), a {_SUFFIX} "
        f"file, or a workdir that holds {NETWORK_FILE}. Received: {name!r}."
    )


def load(name_or_path: str | os.PathLike) -> keras.Model:
    """Loads a trained network.

    Args:
        name_or_path: As `resolve` takes it.

    Returns:
        The network; variables and computation are float32.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If there is no such network, or the file holds none.
    """
    path = resolve(name_or_path)
    _read_config(path)
    try:
        network = keras.saving.load_model(path, compile=False)
    except (MemoryError, OSError):
        raise
    # A damaged file makes Keras, h5py and zlib raise nearly anything.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be loaded, it is damaged or of another version of "
            f"fastnst ({type(error).__name__}: {_first_line(error)})."
        ) from error
    _check_float32(network, path)
    return network


def load_card(name_or_path: str | os.PathLike) -> dict:
    """Reads the card of a trained network.

    Args:
        name_or_path: As `resolve` takes it.

    Returns:
        The card; empty if the network has none.

    Raises:
        ValueError: If there is no such network, or the card is damaged.
    """
    path = resolve(name_or_path).with_suffix(".json")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"The card {path} is no JSON: {error}.") from error
    if not isinstance(card, dict):
        raise ValueError(f"The card {path} must hold one JSON object.")
    return card


def describe(name_or_path: str | os.PathLike) -> Description:
    """Tells what a network is, without building it.

    Args:
        name_or_path: As `resolve` takes it.

    Returns:
        Its description.

    Raises:
        ValueError: If there is no such network, or the file holds none.
    """
    path = resolve(name_or_path)
    network_class, config = _read_config(path)
    return Description(
        task=network_class.task,
        styles=tuple(config.get("style_names", ())),
        factor=config.get("factor", 1),
        num_bytes=path.stat().st_size,
        text=load_card(path).get("description", ""),
    )


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
    if path.suffix != _SUFFIX:
        raise ValueError(f"`path` must end in {_SUFFIX}. Received: {path}.")
    text = json.dumps(card, indent=2, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{_SUFFIX}")
    temporary_card = temporary.with_suffix(".json")
    try:
        with_dtype_policy(network, "float32").save(temporary)
        temporary_card.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
        os.replace(temporary_card, path.with_suffix(".json"))
    finally:
        temporary.unlink(missing_ok=True)
        temporary_card.unlink(missing_ok=True)


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


def _read_config(path: pathlib.Path) -> tuple[Any, dict]:
    """Returns class and configuration of the network in a file."""
    try:
        with zipfile.ZipFile(path) as archive:
            saved = json.loads(archive.read("config.json"))
        name, config = saved["registered_name"], saved["config"]
    # zlib.error and NotImplementedError come from damaged archives.
    except (MemoryError, OSError):
        raise
    except Exception as error:
        raise ValueError(
            f"{path} is no {_SUFFIX} file, or a damaged one "
            f"({type(error).__name__}: {_first_line(error)})."
        ) from error
    network_class = keras.saving.get_registered_object(name)
    if not hasattr(network_class, "task"):
        raise ValueError(
            f"{path} holds no network that this version of fastnst knows. "
            f"Received: {name!r}."
        )
    return network_class, config


def _check_float32(network: keras.Model, path: pathlib.Path) -> None:
    found = {str(layer.compute_dtype) for layer in network._flatten_layers()}
    found |= {str(variable.dtype) for variable in network.weights}
    if found != {"float32"}:
        raise ValueError(
            f"{path} must hold a float32 network. Received: "
            f"{', '.join(sorted(found))}. Write it with saved_networks.save."
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
