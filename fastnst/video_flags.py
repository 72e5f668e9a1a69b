"""Flags and progress of the commands that transform videos."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import sys
import time
from typing import NamedTuple

from absl import flags

VIDEO_CODEC = flags.DEFINE_string(
    "video_codec",
    None,
    "Encoder of a video, as FFmpeg names it. Default: libx264, for .webm "
    "libvpx-vp9.",
)
FRAME_RATE = flags.DEFINE_float(
    "frame_rate",
    25.0,
    "Frames per second of a video that is made from a folder of pictures.",
    lower_bound=0.01,
    upper_bound=1000.0,
)

_LINE_EVERY_SECONDS = 30.0


class Outcome(NamedTuple):
    """What became of a video; `str()` of it is the line to print.

    Attributes:
        text: The line.
        error: Why it failed; empty if it did not.
    """

    text: str
    error: str = ""

    def __str__(self) -> str:
        return self.text


class Progress:
    """Shows frames per second and the time left, on stderr.

    Args:
        stopped: Tells whether the video shall end.
    """

    def __init__(self, stopped: Callable[[], bool]):
        self._stopped = stopped
        self._on_terminal = sys.stderr.isatty()
        self._start: tuple[int, float] | None = None
        self._shown = time.monotonic()

    def __call__(self, done: int, total: int | None) -> bool:
        """Shows where the work stands; returns whether it shall end."""
        now = time.monotonic()
        if self._start is None:
            # The network is traced with the first frame: its time tells
            # nothing.
            self._start = (done, now)
        interval = 0.2 if self._on_terminal else _LINE_EVERY_SECONDS
        if now - self._shown >= interval and done > self._start[0]:
            self._shown = now
            self._show(describe(done, total, *self._rate(done, now)))
        return self._stopped()

    def clear(self) -> None:
        """Takes the line off the terminal."""
        if self._on_terminal:
            self._show("")

    def _rate(self, done: int, now: float) -> tuple[float]:
        first, then = self._start or (0, 0.0)
        return ((done - first) / max(now - then, 1e-9),)

    def _show(self, text: str) -> None:
        start, end = ("\r\x1b[K", "") if self._on_terminal else ("", "\n")
        print(f"{start}{text}", end=end, file=sys.stderr, flush=True)


def describe(done: int, total: int | None, rate: float) -> str:
    """Words how far a video is.

    Args:
        done: Frames done.
        total: All frames, about; None if unknown.
        rate: Frames per second.

    Returns:
        Such as "frame 30/300  2.50 frames/s  0:01:48 left".
    """
    if total is None:
        return f"frame {done}  {rate:.2f} frames/s"
    minutes, seconds = divmod(round(max(0, total - done) / rate), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"frame {done}/{max(total, done)}  {rate:.2f} frames/s  "
        f"{hours}:{minutes:02}:{seconds:02} left"
    )


def require_pyav() -> None:
    """Raises ValueError if PyAV is not installed."""
    try:
        import av  # noqa: F401
    except ImportError:
        raise ValueError(
            "Videos need PyAV: pip install 'fastnst[video]'."
        ) from None


def transform_files(
    transform: Callable, jobs: Iterable, *, overwrite: bool
) -> Iterator[Outcome]:
    """Transforms videos one by one; a bad one does not stop the others.

    Args:
        transform: uint8 (height, width, 3) to the same, of any one size.
        jobs: What to do: `picture_files.Job`s.
        overwrite: Whether existing files are replaced.

    Yields:
        The outcome of each job, as soon as it is known.

    Raises:
        KeyboardInterrupt: After Ctrl-C, when the running video, as far as it
            came, is written.
    """
    from fastnst.training import stop_signals

    with stop_signals.StopSignals("frame") as stop:
        for job in jobs:
            yield _transform_file(transform, job, overwrite, stop)
            if stop.received is not None:
                raise KeyboardInterrupt


def _transform_file(transform, job, overwrite, stop) -> Outcome:
    import tensorflow as tf

    from fastnst.inference import video

    progress = Progress(lambda: stop.received is not None)
    start = time.monotonic()
    try:
        num_frames, height, width = video.transform_video(
            transform,
            job.source,
            job.target,
            codec=VIDEO_CODEC.value,
            frame_rate=FRAME_RATE.value,
            overwrite=overwrite,
            progress=progress,
        )
    except (MemoryError, tf.errors.ResourceExhaustedError):
        error = "not enough memory for frames of this size."
    except (ValueError, OSError) as reason:
        error = " ".join(str(reason).split()).removeprefix(f"{job.source}: ")
    else:
        seconds = time.monotonic() - start
        return Outcome(
            f"{job.source} -> {job.target}  {width}x{height}  "
            f"{num_frames} frames  {num_frames / seconds:.2f} frames/s"
        )
    finally:
        progress.clear()
    return Outcome(f"skipped {job.source}: {error}", error)
