"""Frames of video files, and of folders that hold a picture for each frame.

Needs PyAV.
"""

from collections.abc import Iterator
import dataclasses
import fractions
import os
import pathlib
import re

from absl import logging
import av
from av.stream import Disposition
import numpy as np

from fastnst.data import image_files

# Of a video that does not tell.
_USUAL_RATE = fractions.Fraction(25)
# FFmpeg's numbers for BT.709 and for luma from 16 to 235.
_BT709 = 1
_LIMITED = 1


@dataclasses.dataclass(frozen=True)
class Color:
    """How pixels become colors, in FFmpeg's numbers.

    Attributes:
        space: The matrix between RGB and YCbCr.
        range: Whether luma goes from 16 to 235 or from 0 to 255.
        primaries: The colors of red, green and blue.
        transfer: The curve from light to values.
    """

    space: int = _BT709
    range: int = _LIMITED
    primaries: int = _BT709
    transfer: int = _BT709


@dataclasses.dataclass(frozen=True)
class Frame:
    """A picture of a video.

    Attributes:
        rgb: uint8, shape (height, width, 3), upright.
        time: When it is shown, in units of the reader's `time_base`; larger
            than that of the frame before.
        duration: How long, in the same units; 0 where unknown.
        color: How it was coded.
        audio: Packets that the file holds between it and the next frame; with
            the first frame, also those before it.
    """

    rgb: np.ndarray
    time: int
    duration: int = 0
    color: Color = Color()
    audio: list = dataclasses.field(default_factory=list)


class VideoReader:
    """Reads a video file; a context manager.

    Packets that are damaged are left out. Frames are turned upright, as the
    file says, and all get the size of the first.

    Args:
        path: The file.

    Attributes:
        rate: Frames per second, on average.
        time_base: The unit of time, in seconds.
        num_frames: How many frames about; None if unknown.
        pixel_aspect: Width of a pixel over its height, or None; right after
            the first frame.
        audio: Its audio streams.
        metadata: Title and the like.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no video that can be decoded.
    """

    def __init__(self, path: str | os.PathLike):
        self._path = path
        try:
            self._container = av.open(
                os.fspath(path), metadata_errors="replace"
            )
        except av.error.InvalidDataError:
            raise ValueError(
                f"{path}: it is no video, or so damaged that it cannot be read."
            ) from None
        try:
            self._video = self._only_video()
        except ValueError:
            self._container.close()
            raise
        # Threads of FFmpeg, as many as there are processors.
        self._video.thread_type = "AUTO"
        self.rate = self._video.average_rate or _USUAL_RATE
        self.time_base = self._video.time_base
        self.num_frames = self._estimated_frames()
        self.pixel_aspect = self._video.sample_aspect_ratio
        self.audio = list(self._container.streams.audio)
        self.metadata = dict(self._container.metadata)
        self._first: av.VideoFrame | None = None
        self._last_time: int | None = None
        self._num_damaged = 0

    def _only_video(self):
        videos = [
            stream
            for stream in self._container.streams.video
            # The cover of a song.
            if not stream.disposition & Disposition.attached_pic
        ]
        if not videos:
            raise ValueError(f"{self._path}: it holds no video, or is damaged.")
        if videos[0].codec_context is None:
            raise ValueError(
                f"{self._path}: its video is coded in a way that this PyAV "
                "cannot decode."
            )
        return videos[0]

    def _estimated_frames(self) -> int | None:
        if self._video.frames:
            return self._video.frames
        if self._container.duration is None:
            return None
        seconds = fractions.Fraction(self._container.duration, av.time_base)
        return max(1, round(seconds * self.rate))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._container.close()

    def frames(self) -> Iterator[Frame]:
        """Yields the frames, the packets of audio with them."""
        waiting = None
        audio: list = []
        for packet in self._packets():
            if packet.stream is not self._video:
                # FFmpeg ends each stream with a packet of nothing.
                if packet.size:
                    audio.append(packet)
                continue
            for decoded in self._decoded(packet):
                if waiting is not None:
                    yield dataclasses.replace(waiting, audio=audio)
                    audio = []
                waiting = self._converted(decoded)
        if waiting is not None:
            yield dataclasses.replace(waiting, audio=audio)
        if self._num_damaged:
            logging.warning(
                "%s: damaged packets left out: %d",
                self._path,
                self._num_damaged,
            )

    def _packets(self):
        packets = self._container.demux(self._video, *self.audio)
        while True:
            try:
                yield next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                self._num_damaged += 1
                return

    def _decoded(self, packet) -> list:
        try:
            return packet.decode()
        except av.FFmpegError:
            self._num_damaged += 1
            return []

    def _converted(self, decoded) -> Frame:
        self._first = self._first or decoded
        rgb = decoded.to_ndarray(
            format="rgb24", width=self._first.width, height=self._first.height
        )
        turns = round(decoded.rotation / 90) % 4
        if turns % 2 and decoded is self._first and self.pixel_aspect:
            self.pixel_aspect = 1 / self.pixel_aspect
        color = Color()
        if not decoded.format.is_rgb:
            color = Color(
                decoded.colorspace,
                decoded.color_range,
                decoded.color_primaries,
                decoded.color_trc,
            )
        return Frame(
            np.ascontiguousarray(np.rot90(rgb, turns)),
            self._time(decoded),
            decoded.duration or 0,
            color,
        )

    def _time(self, decoded) -> int:
        """Returns the time of a frame: damaged files have none, or go back."""
        time, last = decoded.pts, self._last_time
        if time is None:
            step = round(1 / (self.rate * self.time_base))
            time = 0 if last is None else last + max(1, step)
        if last is not None:
            time = max(time, last + 1)
        self._last_time = time
        return time


class FolderReader:
    """Reads a folder of pictures as frames; the same use as `VideoReader`.

    Args:
        path: The folder. Its pictures are taken in the order of their names,
            numbers in them by their value.
        rate: Frames per second.

    Raises:
        OSError: If the folder cannot be read.
        ValueError: If it holds no picture.
    """

    pixel_aspect = None

    def __init__(self, path: str | os.PathLike, rate: float):
        self._paths = sorted(image_files.find_images([path]), key=_in_order)
        self.rate = fractions.Fraction(rate).limit_denominator(1001)
        self.time_base = 1 / self.rate
        self.num_frames = len(self._paths)
        self.audio: list = []
        self.metadata: dict[str, str] = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def frames(self) -> Iterator[Frame]:
        """Yields the frames.

        Raises:
            OSError: If a picture cannot be read.
            ValueError: If one is damaged, or of another size than the first.
        """
        size = None
        for number, path in enumerate(self._paths):
            rgb = image_files.read_image(path).flattened()
            size = size or rgb.shape
            if rgb.shape != size:
                raise ValueError(
                    "All frames must have the size of the first, "
                    f"{size[1]}x{size[0]}. Received: {path}, which has "
                    f"{rgb.shape[1]}x{rgb.shape[0]}."
                )
            yield Frame(rgb, number, duration=1)


def _in_order(path: pathlib.Path) -> list:
    """Splits a name so that frame 10 comes after frame 9."""
    parts = re.split(r"(\d+)", str(path))
    return [int(part) if part.isdigit() else part for part in parts]
