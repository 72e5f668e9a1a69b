"""The directory of one training: who may write to it, and what lies where."""

import fcntl
import json
import os
import pathlib
from typing import TextIO

from fastnst import whole_files

# Changing these changes nothing that is learned.
_FREE_FLAGS = (
    "checkpoint_every",
    "data_dir",
    "download_dataset",
    "steps_per_epoch",
    "validation_images",
    "vgg16_weights",
    "workdir",
)


class Workdir:
    """One training's directory, locked while this process lives.

    Args:
        path: The directory; made if it does not exist.
        experiment: Flag name to value, all as text: what the training is. A
            training is continued only with the same ones.
        facts: What else must be the same to continue, name to text.
        defaults: Flag name to the value it has where an earlier version, which
            did not know the flag, began the training.

    Attributes:
        path: The directory.
        checkpoints: Where the checkpoints are.
        logs: Where TensorBoard looks.
        network: The trained network; its card is beside it.
        validation: Where the validation pictures are written at the end.

    Raises:
        ValueError: If another process trains here, or the directory belongs
            to a different experiment.
        OSError: If it cannot be written.
    """

    def __init__(
        self,
        path: str,
        experiment: dict[str, str],
        facts: dict[str, str],
        *,
        defaults: dict[str, str] | None = None,
    ):
        self.path = pathlib.Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.logs = self.path / "logs"
        self.network = self.path / "network.keras"
        self.validation = self.path / "validation"
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.path / "lock")
        # A flagfile; the facts are comments in it.
        entries = {f"--{name}": value for name, value in experiment.items()}
        entries.update({f"# {name}": value for name, value in facts.items()})
        flags_file = self.path / "flags.txt"
        # A command that failed before it learned anything may be corrected.
        learned = any(self.checkpoints.glob("*")) or self.network.exists()
        if learned and flags_file.exists():
            _check_same(flags_file, entries, defaults or {})
        lines = [f"{name}={value}\n" for name, value in entries.items()]
        whole_files.write_text(flags_file, "".join(lines))

    def card(self) -> dict:
        """Returns the card of the network that is here; empty if there is none.

        Raises:
            ValueError: If it is damaged.
        """
        path = self.network.with_suffix(".json")
        return json.loads(path.read_bytes()) if path.exists() else {}


def _lock(path: pathlib.Path) -> TextIO:
    """Locks a file; the system drops the lock when the process ends."""
    file = open(path, "a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise ValueError(
            f"Another training (process {owner}) runs in {path.parent}. Wait "
            "for it, stop it, or choose another --workdir."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _check_same(
    path: pathlib.Path, entries: dict[str, str], defaults: dict[str, str]
) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    before = {f"--{name}": value for name, value in defaults.items()}
    for name, _, value in (line.partition("=") for line in lines):
        before[name] = value
    free = {f"--{name}" for name in _FREE_FLAGS}
    for name in sorted({*before, *entries} - free):
        old, new = before.get(name), entries.get(name)
        # Earlier versions noted fewer facts.
        if old != new and (name in before or name.startswith("--")):
            raise ValueError(
                f"{path.parent} holds a training with {name}={old}. Received: "
                f"{name}={new}. Give the same flags to continue it, or choose "
                "another --workdir."
            )
