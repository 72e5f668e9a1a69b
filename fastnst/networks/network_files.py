"""Trained networks on disk: from a name to a file, and what is in it.

A trained network is two files: `network.keras`, which is enough for every
command (class, styles and sizes are in its config), and beside it the card
`network.json`: how it was trained and how good it is. Nothing here loads the
network itself, or TensorFlow.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import shlex
from typing import Any
import zipfile

import fastnst.pretrained

PRETRAINED = pathlib.Path(fastnst.pretrained.__file__).parent
NETWORK_FILE = "network.keras"
SUFFIX = ".keras"
# The names under which Keras knows the classes.
TASKS = {
    "fastnst>StyleTransferNetwork": "style_transfer",
    "fastnst>SuperResolutionNetwork": "super_resolution",
}


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
        for path in PRETRAINED.glob(f"*{SUFFIX}")
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
        return PRETRAINED / f"{name}{SUFFIX}"
    path = pathlib.Path(name).expanduser()
    if name and path.is_dir():
        if (path / NETWORK_FILE).is_file():
            return path / NETWORK_FILE
        raise ValueError(
            f"The folder {path} holds no {NETWORK_FILE}: it is no workdir of a "
            "training, or the training has not got that far."
        )
    if path.suffix == SUFFIX and path.is_file():
        return path
    shipped = ", ".join(list_networks()) or "none ships with this version"
    raise ValueError(
        f"`network` must be the name of a network ({shipped}), a {SUFFIX} "
        f"file, or a workdir that holds {NETWORK_FILE}. Received: {name!r}."
    )


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
    task, config = read_config(path)
    return Description(
        task=task,
        styles=tuple(config.get("style_names", ())),
        factor=config.get("factor", 1),
        num_bytes=path.stat().st_size,
        text=load_card(path).get("description", ""),
    )


def read_config(path: pathlib.Path) -> tuple[str, dict]:
    """Returns task and configuration of the network in a file.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it holds no network of this version of fastnst.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            saved = json.loads(archive.read("config.json"))
        name, config = saved["registered_name"], saved["config"]
    # zlib.error and NotImplementedError come from damaged archives.
    except (MemoryError, OSError):
        raise
    except Exception as error:
        raise ValueError(
            f"{path} is no {SUFFIX} file, or a damaged one "
            f"({type(error).__name__}: {first_line(error)})."
        ) from error
    if name not in TASKS:
        raise ValueError(
            f"{path} holds no network that this version of fastnst knows. "
            f"Received: {name!r}."
        )
    return TASKS[name], config


def sha256(path: pathlib.Path) -> str:
    """Returns the sha256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def style_flags(card: dict, style: str) -> dict[str, str]:
    """Returns the flags of the training in which a style was learned.

    Args:
        card: Of the network.
        style: Its name; styles that were there before the others have flags
            of their own in the card.
    """
    for picture in card.get("style_images", ()):
        if picture["name"] == style and "flags" in picture:
            return picture["flags"]
    return card.get("flags", {})


def card_text(card: dict) -> str:
    """Returns a card as the text of its file.

    Raises:
        ValueError: If a number in it is not finite.
    """
    return json.dumps(card, indent=2, allow_nan=False) + "\n"


def without_folders(card: Any) -> Any:
    """Cuts the absolute paths in a card to their last parts.

    Args:
        card: Of a network, or a part of one; "/a/b.jpg", and commands with
            "--photos=/c/d,/c/e/:0.1".

    Returns:
        It without folders: "b.jpg", "--photos=d,e:0.1".
    """
    if isinstance(card, dict):
        return {
            name: (
                shlex.join(map(_names_only, shlex.split(value)))
                if name == "command"
                else without_folders(value)
            )
            for name, value in card.items()
        }
    if isinstance(card, list):
        return [without_folders(value) for value in card]
    return _names_only(card) if isinstance(card, str) else card


def _names_only(text: str) -> str:
    """Cuts absolute paths, between commas and before a colon, to names."""
    flag, equals, value = text.partition("=")
    if equals and flag.startswith("--"):
        return f"{flag}={_names_only(value)}"
    parts = []
    for part in text.split(","):
        path, colon, share = part.partition(":")
        if path.startswith(("/", "~")):
            path = pathlib.PurePath(path).name
        parts.append(path + colon + share)
    return ",".join(parts)


def first_line(error: Exception) -> str:
    """Returns the first line of the message of an error."""
    return (str(error).strip().splitlines() or [""])[0][:200]
