"""A collection of pictures, cut into shards that are done whole or not at all.

A shard is the unit of work, of writing and of restarting: it reads some files,
writes its stylized pictures to one TFRecord file under a temporary name,
renames it, and writes its report last. A shard with a report is done.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import hashlib
import json
import os
import uuid

import tensorflow as tf

_SETTINGS_FILE = "collection.json"
# Every picture that could not be stylized, and why: JSON, one a line.
SKIPPED_FILE = "skipped.jsonl"
_TEMPORARY = ".unfinished-"


@dataclasses.dataclass(frozen=True)
class Shard:
    """Some of the files of a collection.

    Attributes:
        number: Of this shard, from 0.
        count: How many there are.
        sources: The files.
    """

    number: int
    count: int
    sources: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its files, without suffix."""
        return f"stylized-{self.number:05}-of-{self.count:05}"


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of the pictures of a shard, or of several.

    Attributes:
        done: How many were stylized.
        pixels: How many pixels these have.
        skipped: {"name", "reason"} of each of the others.
    """

    done: int = 0
    pixels: int = 0
    skipped: tuple[dict, ...] = ()

    def __add__(self, other: "Report") -> "Report":
        return Report(
            self.done + other.done,
            self.pixels + other.pixels,
            self.skipped + other.skipped,
        )


def cut(sources: Sequence[str], files_per_shard: int) -> list[Shard]:
    """Cuts sorted files into shards."""
    parts = [
        tuple(sources[first:first + files_per_shard])
        for first in range(0, len(sources), files_per_shard)
    ]
    return [
        Shard(number, len(parts), part) for number, part in enumerate(parts)
    ]


def find(patterns: Sequence[str]) -> list[str]:
    """Lists the files that patterns such as photos/*.jpg name, sorted.

    Raises:
        ValueError: If there are none.
    """
    found = {
        path for pattern in patterns for path in tf.io.gfile.glob(pattern)
    }
    files = sorted(path for path in found if not tf.io.gfile.isdir(path))
    if not files:
        raise ValueError(f"No file is named by {','.join(patterns)}.")
    return files


class Output:
    """The directory that a collection is written to.

    Args:
        directory: Made if it does not exist; may be of any file system that
            TensorFlow knows.
    """

    def __init__(self, directory: str):
        self.directory = directory

    def open(self, sources: Sequence[str], settings: dict[str, str]) -> None:
        """Begins or continues a collection.

        Args:
            sources: Its files.
            settings: What makes of them what, name to text.

        Raises:
            ValueError: If another collection is here.
        """
        tf.io.gfile.makedirs(self.directory)
        listed = hashlib.sha256("\n".join(sources).encode()).hexdigest()
        wanted = {**settings, "input": f"{len(sources)} files {listed[:16]}"}
        before = self._read(_SETTINGS_FILE)
        for name, value in wanted.items() if before else ():
            if before.get(name) != value:
                raise ValueError(
                    f"{self.directory} holds a collection of which {name} is "
                    f"{before.get(name)}. Received: {value}. Give the same to "
                    "continue it, or choose another --output."
                )
        for name in tf.io.gfile.listdir(self.directory):
            if name.startswith(_TEMPORARY):
                tf.io.gfile.remove(self._path(name))
        self._write(_SETTINGS_FILE, json.dumps(wanted, indent=1))

    def report(self, shard: Shard) -> Report | None:
        """Returns what became of a shard; None if it is not done."""
        found = self._read(f"{shard.name}.json")
        if not found:
            return None
        return Report(found["done"], found["pixels"], tuple(found["skipped"]))

    def write(self, shard: Shard, pictures: Iterator[bytes]) -> None:
        """Writes the pictures of a shard, whole or not at all.

        Args:
            shard: The shard.
            pictures: Serialized examples; what is raised here ends it.
        """
        temporary = self._path(f"{_TEMPORARY}{uuid.uuid4().hex}")
        try:
            with tf.io.TFRecordWriter(temporary) as writer:
                for picture in pictures:
                    writer.write(picture)
            final = self._path(f"{shard.name}.tfrecord")
            tf.io.gfile.rename(temporary, final, overwrite=True)
        finally:
            if tf.io.gfile.exists(temporary):
                tf.io.gfile.remove(temporary)

    def finish(self, shard: Shard, report: Report) -> None:
        """Notes that the pictures of a shard are written."""
        self._write(
            f"{shard.name}.json", json.dumps(dataclasses.asdict(report))
        )

    def list_skipped(self, report: Report) -> None:
        """Writes the list of all pictures that were skipped."""
        lines = [json.dumps(entry) + "\n" for entry in report.skipped]
        self._write(SKIPPED_FILE, "".join(lines))

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def _read(self, name: str) -> dict:
        if not tf.io.gfile.exists(self._path(name)):
            return {}
        with tf.io.gfile.GFile(self._path(name)) as file:
            return json.loads(file.read())

    def _write(self, name: str, text: str) -> None:
        temporary = self._path(f"{_TEMPORARY}{uuid.uuid4().hex}")
        with tf.io.gfile.GFile(temporary, "w") as file:
            file.write(text)
        tf.io.gfile.rename(temporary, self._path(name), overwrite=True)
