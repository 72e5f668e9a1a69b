"""A trained network applied to every frame of a video. Needs PyAV."""

from collections.abc import Callable
import contextlib
import dataclasses
import os
import pathlib

import av
import numpy as np

from fastnst.inference import ahead
from fastnst.inference import video_reader
from fastnst.inference import video_writer

# Frames that wait between two of the three threads: enough to smooth out slow
# ones, and a 4K frame takes 25 MB.
_NUM_WAITING = 2


def transform_video(
    transform: Callable[[np.ndarray], np.ndarray],
    source: str | os.PathLike,
    target: str | os.PathLike,
    *,
    codec: str | None = None,
    frame_rate: float = 25.0,
    overwrite: bool = False,
    progress: Callable[[int, int | None], bool | None] | None = None,
) -> tuple[int, int, int]:
    """Transforms a video, a GIF or a folder of pictures into a video.

    Times, colors, shape of the pixels and audio are those of the source;
    frames are stored upright. Three threads read, transform and write, so the
    network hardly waits, and a few frames are in memory at a time.

    Args:
        transform: uint8 (height, width, 3) to the same, of any one size.
        source: A video file, or a folder of pictures.
        target: A video file, of a format in `video_files.FORMATS`. It is
            there whole or not at all.
        codec: FFmpeg's name of the encoder; None is that of the format.
        frame_rate: Frames per second of a folder.
        overwrite: Whether an existing target is replaced.
        progress: Called after each frame with the number of frames done, and
            of all if it is known; if it returns True, the video ends there.

    Returns:
        Number of frames, height and width of what was written.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If the source has no frames that can be decoded, or format,
            codec and audio do not fit.
    """
    try:
        return _transformed(
            transform,
            _reader(source, frame_rate),
            source,
            video_writer.VideoWriter(target, codec, overwrite),
            progress or (lambda done, total: None),
        )
    except av.FFmpegError as error:
        if isinstance(error, (OSError, ValueError)):
            raise
        raise ValueError(f"{source}: {error}") from error


def _reader(source, frame_rate):
    if pathlib.Path(source).is_dir():
        return video_reader.FolderReader(source, frame_rate)
    return video_reader.VideoReader(source)


def _transformed(transform, opened, source, writer, progress):
    num_frames, size = 0, (0, 0)
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(opened)
        stack.enter_context(writer)
        frames = ahead.ahead(reader.frames(), _NUM_WAITING)
        stack.enter_context(contextlib.closing(frames))
        results = ahead.ahead(
            (
                dataclasses.replace(frame, rgb=transform(frame.rgb))
                for frame in frames
            ),
            _NUM_WAITING,
        )
        stack.enter_context(contextlib.closing(results))
        for num_frames, frame in enumerate(results, 1):
            if num_frames == 1:
                writer.start(reader, frame)
            writer.write(frame)
            size = frame.rgb.shape[:2]
            if progress(num_frames, reader.num_frames):
                break
        if not num_frames:
            raise ValueError(f"{source}: it has no frames that can be decoded.")
    return num_frames, *size
