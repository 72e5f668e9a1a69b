"""Frames into a video file, whole or not at all. Needs PyAV."""

import contextlib
import os
import pathlib
from typing import Any

from PIL import Image
import av
from av.codec.context import Flags
import numpy as np

from fastnst.inference import video_files
from fastnst.inference import video_reader

# About as good as the frames look, at a size that can be shared. What is not
# here has FFmpeg's defaults.
_OPTIONS = {
    "libx264": {"crf": "18", "preset": "fast"},
    "libx265": {"crf": "20", "preset": "fast"},
    "libvpx-vp9": {
        "crf": "24",
        "b": "0",
        "deadline": "realtime",
        "cpu-used": "6",
        "row-mt": "1",
    },
}
# These store a color for each two or four pixels unless sides are odd.
_EVEN_ONLY = ("libx264", "libx265")


class VideoWriter:
    """Writes a video file; a context manager.

    The file is written under another name and gets its own at the end, unless
    there was an error.

    Args:
        path: The file; its suffix decides the format.
        codec: FFmpeg's name of the encoder; None is that of the format.
        overwrite: Whether an existing file is replaced.

    Raises:
        ValueError: If there is no such encoder.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        codec: str | None = None,
        overwrite: bool = False,
    ):
        self._path = pathlib.Path(path)
        self._format, usual_codec = video_files.FORMATS[
            self._path.suffix.lower()
        ]
        self._codec = codec or usual_codec
        self._check_codec()
        self._overwrite = overwrite
        self._temporary = self._path.with_name(
            f".{self._path.name}.{os.getpid()}.tmp"
        )
        self._file: Any = None
        self._container: Any = None
        self._video: Any = None
        self._audio: dict = {}

    def _check_codec(self) -> None:
        try:
            kind = av.Codec(self._codec, "w").type
        except av.codec.codec.UnknownCodecError:
            kind = None
        if kind != "video":
            raise ValueError(
                "`codec` must be a video encoder that this PyAV has, such as "
                f"libx264. Received: {self._codec!r}."
            )

    def __enter__(self):
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Our own file: FFmpeg does not tell when closing one fails.
        self._file = self._temporary.open("wb")
        self._container = av.open(self._file, "w", format=self._format)
        return self

    def __exit__(self, kind, *error):
        try:
            if kind is None:
                self._finish()
        finally:
            # What cannot be finished need not be.
            for unfinished in (self._container, self._file):
                with contextlib.suppress(av.FFmpegError, OSError):
                    unfinished.close()
            self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        with self._naming_the_file():
            self._container.mux(self._video.encode())
            self._container.close()
            self._file.close()
        if self._path.exists() and not self._overwrite:
            raise FileExistsError(f"{self._path} exists already.")
        os.replace(self._temporary, self._path)

    def write(self, frame: video_reader.Frame) -> None:
        """Writes a frame and its audio, after `start`.

        Raises:
            OSError: If it cannot be written.
            ValueError: If the encoder refuses it.
        """
        coded = self._coded(frame)
        coded.pts = frame.time
        coded.time_base = self._video.codec_context.time_base
        coded.duration = frame.duration
        with self._naming_the_file():
            self._container.mux(self._video.encode(coded))
            for packet in frame.audio:
                # A GIF has no audio.
                if packet.stream.index in self._audio:
                    packet.stream = self._audio[packet.stream.index]
                    self._container.mux(packet)

    def start(self, like: Any, first: video_reader.Frame) -> None:
        """Decides what the video is like, before the first frame.

        Args:
            like: Reader of the video whose times, pixels and audio it gets.
            first: The first frame; its size and color are those of all.

        Raises:
            ValueError: If the format cannot hold the audio.
        """
        height, width = first.rgb.shape[:2]
        try:
            self._video = self._container.add_stream(
                self._codec,
                rate=like.rate,
                width=width,
                height=height,
                options=_OPTIONS.get(self._codec),
            )
        except ValueError:
            raise ValueError(
                f"{self._path.suffix} files cannot hold what {self._codec} "
                "makes. Choose another codec or output."
            ) from None
        self._video.pix_fmt = self._pixel_format(height, width)
        context = self._video.codec_context
        context.time_base = like.time_base
        context.thread_type = "AUTO"
        # The last frame of a GIF is shown as long as it was.
        context.flags |= Flags.frame_duration
        if like.pixel_aspect:
            context.sample_aspect_ratio = like.pixel_aspect
        if self._format != "gif":
            context.colorspace = first.color.space
            context.color_range = first.color.range
            context.color_primaries = first.color.primaries
            context.color_trc = first.color.transfer
            self._add_audio(like.audio)
        self._container.metadata.update(like.metadata)

    def _pixel_format(self, height: int, width: int) -> str:
        known = [f.name for f in av.Codec(self._codec, "w").video_formats or ()]
        odd = (height % 2 or width % 2) and self._codec in _EVEN_ONLY
        wanted = "yuv444p" if odd else "yuv420p"
        if self._format == "gif":
            wanted = "pal8"
        return wanted if wanted in known else known[0]

    def _add_audio(self, streams) -> None:
        for stream in streams:
            try:
                copied = self._container.add_stream_from_template(stream)
            except ValueError:
                raise ValueError(
                    f"{self._path.suffix} files cannot hold {stream.name} "
                    "audio, which is copied as it is. Choose an output that "
                    "ends in .mkv."
                ) from None
            self._audio[stream.index] = copied

    def _coded(self, frame: video_reader.Frame) -> av.VideoFrame:
        if self._format == "gif":
            return _with_palette(frame.rgb)
        coded = av.VideoFrame.from_ndarray(frame.rgb, format="rgb24")
        return coded.reformat(
            format=self._video.pix_fmt,
            dst_colorspace=frame.color.space,
            dst_color_range=frame.color.range,
        )

    @contextlib.contextmanager
    def _naming_the_file(self):
        """Says of an error that it is about this file."""
        try:
            yield
        except OSError as error:
            raise OSError(
                error.errno, error.strerror, str(self._path)
            ) from error
        except av.FFmpegError as error:
            raise ValueError(
                f"{self._path} cannot be written with {self._codec}: {error}"
            ) from error


def _with_palette(rgb: np.ndarray) -> av.VideoFrame:
    """Reduces a frame to its 256 colors."""
    image = Image.fromarray(rgb).quantize(256)
    colors = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    palette = np.full([256, 4], 255, np.uint8)
    palette[: len(colors), 1:] = colors
    pixels: Any = (np.asarray(image), palette)
    return av.VideoFrame.from_ndarray(pixels, "pal8")
