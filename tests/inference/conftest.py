"""Clips that tests make themselves."""

import fractions

import numpy as np
import pytest


def picture(number, height=48, width=64):
    """Draws a frame: quarters of four colors, one of which tells the number."""
    rgb = np.zeros([height, width, 3], np.uint8)
    rgb[: height // 2, : width // 2] = 200, 30, 40
    rgb[: height // 2, width // 2 :] = 20, 180, 60
    rgb[height // 2 :, : width // 2] = 60, 90, 220
    rgb[height // 2 :, width // 2 :] = (5 * number) % 256
    return rgb


def write_clip(path, times=range(10), **options):
    """Writes a clip.

    Args:
        path: The file; its suffix decides the format.
        times: Of the frames, in units of `time_base`.
        **options: `height`, `width`, `codec`, `time_base`, `rotation`,
            `space`, `color_range`, `aspect`, and `audio`: whether there is
            some.
    """
    av = pytest.importorskip("av")
    time_base = fractions.Fraction(options.get("time_base", "1/10"))
    height, width = options.get("height", 48), options.get("width", 64)
    space, color_range = options.get("space"), options.get("color_range")
    with av.open(str(path), "w") as container:
        video = container.add_stream(
            options.get("codec", "libx264"),
            rate=10,
            width=width,
            height=height,
            options={"crf": "1"},
        )
        video.codec_context.time_base = time_base
        if space is not None:
            video.colorspace, video.color_range = space, color_range
        if "rotation" in options:
            video.set_display_rotation(options["rotation"])
        if "aspect" in options:
            video.codec_context.sample_aspect_ratio = options["aspect"]
        audio = None
        if options.get("audio"):
            audio = container.add_stream("aac", rate=44100, layout="mono")
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, height, width))
            frame = frame.reformat(
                format="yuv420p",
                dst_colorspace=space,
                dst_color_range=color_range,
            )
            frame.pts, frame.time_base = time, time_base
            container.mux(video.encode(frame))
            if audio:
                container.mux(_sound(av, audio, number))
        for stream in container.streams:
            container.mux(stream.encode())


def _sound(av, stream, number):
    packets = []
    for part in range(4):
        wave = np.sin(np.arange(1024, dtype=np.float32) * (0.1 + number / 50))
        frame = av.AudioFrame.from_ndarray(wave[None], "fltp", "mono")
        frame.sample_rate, frame.pts = 44100, (4 * number + part) * 1024
        packets += stream.encode(frame)
    return packets


def read_clip(path):
    """Reads a clip with PyAV alone.

    Returns:
        The frames as RGB, upright; their times in seconds; the bytes of the
        packets of audio; and the video's (space, range, aspect).
    """
    av = pytest.importorskip("av")
    frames, times, audio = [], [], []
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.stream.type == "audio" and packet.size:
                audio.append(bytes(packet))
            elif packet.stream.type == "video":
                for frame in packet.decode():
                    rgb = frame.to_ndarray(format="rgb24")
                    frames.append(np.rot90(rgb, frame.rotation // 90))
                    times.append(float(frame.time))
        video = container.streams.video[0]
        facts = (video.colorspace, video.color_range)
        facts += (video.sample_aspect_ratio,)
    return frames, times, audio, facts


@pytest.fixture
def clips():
    """The functions `picture`, `write` and `read`."""

    class Clips:
        picture = staticmethod(picture)
        write = staticmethod(write_clip)
        read = staticmethod(read_clip)

    return Clips
