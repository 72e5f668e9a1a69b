"""Videos that PyAV writes here, inverted instead of stylized."""

import errno
import fractions
import threading

from PIL import Image
import numpy as np
import pytest

pytest.importorskip("av")

# isort: split
from fastnst.inference import video  # noqa: E402


def _inverted(rgb):
    return 255 - rgb


def _transform(source, target, transform=_inverted, **options):
    return video.transform_video(transform, source, target, **options)


def _assert_inverted(frames, sources):
    assert len(frames) == len(sources) > 0
    for frame, source in zip(frames, sources):
        assert frame.shape == source.shape
        difference = np.abs(frame.astype(int) - (255 - source.astype(int)))
        # Chroma is stored for 2 x 2 pixels: edges move, areas do not.
        assert np.median(difference) <= 3
        assert difference[4:-4:8, 4:-4:8].mean() < 4


@pytest.mark.parametrize(
    "name, target",
    [
        ("a.mp4", "b.mp4"),
        ("a.mkv", "b.mov"),
        ("a.mov", "b.webm"),
        ("a.mp4", "b.gif"),
        ("a.avi", "b.mkv"),
    ],
)
def test_frames_and_times(tmp_path, clips, name, target):
    # Of this container FFmpeg knows no times where frames are reordered.
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    clips.write(tmp_path / name, codec=codec)
    done = _transform(tmp_path / name, tmp_path / target)
    assert done == (10, 48, 64)
    frames, times, _, _ = clips.read(tmp_path / target)
    _assert_inverted(frames, clips.read(tmp_path / name)[0])
    np.testing.assert_allclose(times, np.arange(10) / 10, atol=1e-3)


def test_times_of_a_variable_frame_rate(tmp_path, clips):
    times = [0, 1000, 2500, 2517, 60000, 60001, 90000]
    clips.write(tmp_path / "a.mp4", times, time_base="1/30000")
    _transform(tmp_path / "a.mp4", tmp_path / "b.mp4")
    found = clips.read(tmp_path / "b.mp4")
    expected = clips.read(tmp_path / "a.mp4")
    np.testing.assert_allclose(found[1], np.array(times) / 30000, atol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)
    _assert_inverted(found[0], expected[0])


def test_audio_is_copied_bit_by_bit(tmp_path, clips):
    clips.write(tmp_path / "a.mp4", audio=True)
    _transform(tmp_path / "a.mp4", tmp_path / "b.mp4")
    _transform(tmp_path / "a.mp4", tmp_path / "c.gif")
    audio = clips.read(tmp_path / "a.mp4")[2]
    assert len(audio) > 30 and len(set(audio)) > 10
    assert clips.read(tmp_path / "b.mp4")[2] == audio
    assert clips.read(tmp_path / "c.gif")[2] == []


@pytest.mark.parametrize("space", [1, 5])
@pytest.mark.parametrize("color_range", [1, 2])
def test_colors_are_coded_as_they_were(tmp_path, clips, space, color_range):
    clips.write(tmp_path / "a.mp4", space=space, color_range=color_range)
    _transform(tmp_path / "a.mp4", tmp_path / "b.mp4")
    found, expected = [clips.read(tmp_path / f"{n}.mp4") for n in "ba"]
    assert found[3][:2] == expected[3][:2] == (space, color_range)
    _assert_inverted(found[0], expected[0])
    # The network sees the colors that were filmed.
    np.testing.assert_allclose(
        expected[0][3][4, 4], clips.picture(3)[4, 4], atol=3
    )


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_turned_videos_are_stored_upright(tmp_path, clips, rotation):
    aspect = fractions.Fraction(4, 3)
    clips.write(tmp_path / "a.mp4", rotation=rotation, aspect=aspect)
    seen = []

    def transform(rgb):
        seen.append(rgb)
        return 255 - rgb

    _transform(tmp_path / "a.mp4", tmp_path / "b.mp4", transform)
    upright = np.rot90(clips.picture(0), rotation // 90)
    np.testing.assert_allclose(seen[0][4, 4], upright[4, 4], atol=3)
    found = clips.read(tmp_path / "b.mp4")
    _assert_inverted(found[0], clips.read(tmp_path / "a.mp4")[0])
    assert found[3][2] == (aspect if rotation == 180 else 1 / aspect)


@pytest.mark.parametrize("suffix", ["mp4", "webm", "gif"])
def test_odd_sizes_are_kept(tmp_path, clips, suffix):
    clips.write(tmp_path / "a.mkv", codec="ffv1", height=33, width=47)
    target = tmp_path / f"b.{suffix}"
    assert _transform(tmp_path / "a.mkv", target)[1:] == (33, 47)
    _assert_inverted(clips.read(target)[0], clips.read(tmp_path / "a.mkv")[0])


def test_results_may_have_another_size(tmp_path, clips):
    clips.write(tmp_path / "a.mp4")
    done = _transform(
        tmp_path / "a.mp4",
        tmp_path / "b.mp4",
        lambda rgb: rgb.repeat(4, axis=0).repeat(4, axis=1),
    )
    assert done == (10, 192, 256)
    assert clips.read(tmp_path / "b.mp4")[0][0].shape == (192, 256, 3)


def test_a_folder_of_frames_in_the_order_of_their_numbers(tmp_path, clips):
    (tmp_path / "frames").mkdir()
    for number in range(12):
        Image.fromarray(clips.picture(10 * number)).save(
            tmp_path / f"frames/frame{number}.png"
        )
    _transform(tmp_path / "frames", tmp_path / "b.mp4", frame_rate=12.5)
    frames, times, _, facts = clips.read(tmp_path / "b.mp4")
    _assert_inverted(frames, [clips.picture(10 * n) for n in range(12)])
    np.testing.assert_allclose(times, np.arange(12) / 12.5, atol=1e-3)
    # What players take high definition for; said, so that none has to guess.
    assert facts[:2] == (1, 1)
    Image.new("RGB", (30, 30)).save(tmp_path / "frames/frame3.png")
    with pytest.raises(ValueError, match="64x48.*frame3.png.*30x30"):
        _transform(tmp_path / "frames", tmp_path / "c.mp4")


def test_a_gif_keeps_its_delays_the_last_one_too(tmp_path):
    delays = [50, 200, 70, 400]
    images = [Image.new("RGB", (20, 10), (n * 60, 0, 255)) for n in range(4)]
    images[0].save(
        tmp_path / "a.gif",
        save_all=True,
        append_images=images[1:],
        duration=delays,
    )
    assert _transform(tmp_path / "a.gif", tmp_path / "b.gif")[0] == 4
    with Image.open(tmp_path / "b.gif") as image:
        assert image.n_frames == 4
        for number, delay in enumerate(delays):
            image.seek(number)
            assert image.info["duration"] == delay
            color = image.convert("RGB").getpixel((5, 5))
            assert color == (255 - number * 60, 255, 0)


def test_reading_goes_on_while_the_network_runs(tmp_path, clips):
    clips.write(tmp_path / "a.mp4")
    threads = {}

    def transform(rgb):
        threads["network"] = threading.get_ident()
        return rgb

    def progress(done, total):
        threads["writing"] = threading.get_ident()
        assert total == 10

    _transform(
        tmp_path / "a.mp4", tmp_path / "b.mp4", transform, progress=progress
    )
    assert threads["network"] != threads["writing"]


def test_few_frames_are_in_memory_however_long_the_video(tmp_path, clips):
    clips.write(tmp_path / "a.mp4", range(100))
    written = 0
    most_waiting = 0
    transformed = 0

    def transform(rgb):
        nonlocal transformed, most_waiting
        transformed += 1
        most_waiting = max(most_waiting, transformed - written)
        return rgb

    def progress(done, total):
        nonlocal written
        written = done

    _transform(
        tmp_path / "a.mp4", tmp_path / "b.mp4", transform, progress=progress
    )
    assert written == 100 and most_waiting <= 4


def test_stopped_early_it_is_a_video_as_far_as_it_came(tmp_path, clips):
    clips.write(tmp_path / "a.mp4", range(60), audio=True)
    done = _transform(
        tmp_path / "a.mp4",
        tmp_path / "b.mp4",
        progress=lambda done, total: done == 7,
    )
    assert done[0] == 7
    frames, times, audio, _ = clips.read(tmp_path / "b.mp4")
    _assert_inverted(frames, clips.read(tmp_path / "a.mp4")[0][:7])
    assert 0 < len(audio) < len(clips.read(tmp_path / "a.mp4")[2])


def test_damaged_parts_are_left_out(tmp_path, clips):
    path = tmp_path / "a.mkv"
    clips.write(path, range(60))
    data = path.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    done = _transform(tmp_path / "cut.mkv", tmp_path / "b.mp4")
    assert 10 < done[0] < 60
    _assert_inverted(
        clips.read(tmp_path / "b.mp4")[0],
        clips.read(path)[0][: done[0]],
    )
    damaged = bytearray(data)
    for position in np.random.default_rng(0).integers(3000, len(data), 40):
        damaged[position] ^= 255
    (tmp_path / "noise.mkv").write_bytes(damaged)
    assert _transform(tmp_path / "noise.mkv", tmp_path / "c.mp4")[0] > 20
    times = clips.read(tmp_path / "c.mp4")[1]
    assert np.all(np.diff(times) > 0)


def _refused(tmp_path, source, match, target="out.mp4", **options):
    before = sorted(tmp_path.iterdir())
    with pytest.raises((ValueError, OSError), match=match):
        _transform(tmp_path / source, tmp_path / target, **options)
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_no_video_is_refused(tmp_path, clips):
    clips.write(tmp_path / "a.mkv")
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    unknown = data.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/AVX")
    (tmp_path / "unknown.mkv").write_bytes(unknown)
    _refused(tmp_path, "text.mp4", "text.mp4: it is no video")
    _refused(tmp_path, "empty.mp4", "empty.mp4: it is no video")
    _refused(tmp_path, "unknown.mkv", "unknown.mkv: .*cannot decode")
    _refused(tmp_path, "lost.mp4", "lost.mp4")


def test_what_cannot_be_written_is_refused(tmp_path, clips):
    clips.write(tmp_path / "a.mp4", audio=True)
    _refused(tmp_path, "a.mp4", "encoder.*libnothing", codec="libnothing")
    _refused(tmp_path, "a.mp4", "encoder.*'aac'", codec="aac")
    _refused(tmp_path, "a.mp4", "mp4 files cannot hold what gif", codec="gif")
    _refused(tmp_path, "a.mp4", "webm files cannot hold aac", target="b.webm")


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "gif"])
def test_a_full_disk_leaves_what_was_there(
    tmp_path, clips, full_disk, suffix
):
    clips.write(tmp_path / "a.mkv", range(40), height=96, width=128)
    target = tmp_path / f"b.{suffix}"
    target.write_text("an earlier result")
    generator = np.random.default_rng(0)

    def noise(rgb):
        return generator.integers(0, 256, rgb.shape, np.uint8)

    before = sorted(tmp_path.iterdir())
    with full_disk(60_000), pytest.raises(OSError) as caught:
        _transform(tmp_path / "a.mkv", target, noise, overwrite=True)
    assert caught.value.errno == errno.EFBIG
    assert target.name in str(caught.value)
    assert target.read_text() == "an earlier result"
    assert sorted(tmp_path.iterdir()) == before


def test_an_error_of_the_network_leaves_nothing(tmp_path, clips):
    clips.write(tmp_path / "a.mp4", range(30))
    count = iter(range(100))

    def transform(rgb):
        if next(count) == 12:
            raise MemoryError("no room")
        return rgb

    before = threading.active_count()
    with pytest.raises(MemoryError, match="no room"):
        _transform(tmp_path / "a.mp4", tmp_path / "b.mp4", transform)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4"]
    assert threading.active_count() == before
