"""A video through fastnst, and its network alone."""

import fractions
import pathlib
import tempfile
import time

import av
import fastnst_inference
import numpy as np

from fastnst.data import image_files
from fastnst.inference import transform
from fastnst.inference import video

_PHOTO = pathlib.Path(__file__).parents[1] / "photos/astronaut.jpg"
# What the camera moves from frame to frame, in pixels.
_STEP = 2
# The bare network runs this share of the frames.
_BARE_SHARE = 4


def video_against_bare_network(
    case, num_blocks: int, num_frames: int
) -> dict[str, list[float]]:
    """Times reading, stylizing and writing of a clip beside the network.

    Args:
        case: Size of the frames.
        num_blocks: Clips to time, and in turn with them the bare network.
        num_frames: Of the clip.

    Returns:
        Seconds per frame of each block, by "video" and "bare". Those of a
        video count from its first frame on, which starts the threads, until
        the file is whole.
    """
    transformer = transform.ImageTransformer(fastnst_inference.network(case))
    frame = _frame(case, 0)
    found: dict[str, list[float]] = {"video": [], "bare": []}
    with tempfile.TemporaryDirectory() as folder:
        clip, target = f"{folder}/clip.mp4", f"{folder}/out.mp4"
        _write(clip, case, num_frames)
        transformer.transform(frame)
        for _ in range(num_blocks):
            found["video"].append(_video_time(transformer, clip, target))
            begin = time.perf_counter()
            num_bare = max(1, num_frames // _BARE_SHARE)
            for _ in range(num_bare):
                transformer.transform(frame)
            found["bare"].append((time.perf_counter() - begin) / num_bare)
    return found


def _video_time(transformer, clip: str, target: str) -> float:
    times: list[float] = []
    num_frames, _, _ = video.transform_video(
        transformer.transform,
        clip,
        target,
        overwrite=True,
        progress=lambda done, total: times.append(time.perf_counter()),
    )
    return (time.perf_counter() - times[0]) / (num_frames - 1)


def _frame(case, number: int) -> np.ndarray:
    """Cuts a frame of a pan over a photo that is mirrored endlessly."""
    photo = image_files.read_image(_PHOTO).flattened()
    photo = image_files.resize_short_side(photo, max(case.height, case.width))
    both = np.concatenate([photo, photo[:, ::-1]], axis=1)
    moved = np.roll(both, -_STEP * number, axis=1)
    return np.ascontiguousarray(moved[: case.height, : case.width])


def _write(path: str, case, num_frames: int) -> None:
    with av.open(path, "w") as container:
        stream = container.add_stream(
            "libx264", rate=25, width=case.width, height=case.height
        )
        for number in range(num_frames):
            frame = av.VideoFrame.from_ndarray(_frame(case, number))
            frame.pts, frame.time_base = number, fractions.Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
