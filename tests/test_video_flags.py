"""Videos through the command, as its users do it."""

import functools
import signal
import subprocess
import sys
import time
import wave

from PIL import Image
import numpy as np
import pytest

from fastnst import video_flags
from fastnst.networks import style_transfer_network

pytest.importorskip("av")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, save_networks):
    """Holds network.keras and frames/, two seconds of a moving square."""
    folder = tmp_path_factory.mktemp("video")
    save_networks(
        folder,
        network=style_transfer_network.StyleTransferNetwork(width=0.125),
    )
    (folder / "frames").mkdir()
    for number in range(20):
        rgb = np.full([40, 56, 3], 90, np.uint8)
        rgb[10:30, number:number + 20] = 220, 60, 30
        Image.fromarray(rgb).save(folder / f"frames/{number}.png")
    return folder


@pytest.fixture(scope="module")
def stylize(run_command, folder):
    """Runs the command in the folder."""
    return functools.partial(
        run_command, "stylize", "--network=.", cwd=folder
    )


@pytest.fixture(scope="module")
def clip(folder, stylize):
    """A clip of the frames, made by the command."""
    done = stylize(
        "frames", "--output=clip.mp4", "--frame_rate=10", "--strength=0.5"
    )
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert line.startswith("frames -> clip.mp4  56x40  20 frames  ")
    return folder / "clip.mp4"


def _frames(path):
    import av

    with av.open(str(path)) as container:
        return [
            (frame.time, frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]


def test_frames_are_those_of_the_python_api(folder, clip):
    import fastnst

    stylize = fastnst.load_network(folder).stylize
    frames = _frames(clip)
    assert [time for time, _ in frames] == pytest.approx(np.arange(20) / 10)
    for number in (0, 7):
        with Image.open(folder / f"frames/{number}.png") as image:
            expected = stylize(np.asarray(image), strength=0.5).astype(int)
        difference = np.abs(frames[number][1] - expected)
        # Without strength the frames would be the network's, all but grey.
        assert np.median(difference) <= 4 and expected.std() > 15


def test_several_videos_one_of_them_bad(folder, clip, stylize):
    with wave.open(str(folder / "song.mkv"), "wb") as song:
        song.setparams((1, 2, 8000, 0, "NONE", ""))
        song.writeframes(bytes(8000))
    (folder / "torn.mp4").write_bytes(clip.read_bytes()[:700])
    done = stylize(
        "song.mkv", "torn.mp4", "clip.mp4", "--output=out/", "--compare"
    )
    assert (done.returncode, done.stderr) == (1, "")
    song_line, torn_line, line = done.stdout.splitlines()
    assert song_line.startswith("skipped song.mkv: it holds no video")
    assert torn_line.startswith("skipped torn.mp4: it ")
    assert line.startswith("clip.mp4 -> out/clip.mp4  112x40  20 frames  ")
    assert [path.name for path in (folder / "out").iterdir()] == ["clip.mp4"]


def test_ctrl_c_leaves_a_video_that_plays(folder, tmp_path):
    for number in range(3000):
        (tmp_path / f"{number}.png").symlink_to(
            folder / f"frames/{number % 20}.png"
        )
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "fastnst.stylize", str(tmp_path)),
            *(f"--network={folder}", f"--output={tmp_path}/out.mkv"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    # The file grows as soon as the encoder has seen enough frames.
    while not any(
        path.stat().st_size for path in tmp_path.glob(".out.mkv.*.tmp")
    ):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    stdout, stderr = running.communicate(timeout=120)
    assert running.returncode == 130
    assert stderr.split() == "stopping after the running frame stopped".split()
    num_frames = int(stdout.split(" frames")[0].split()[-1])
    assert len(_frames(tmp_path / "out.mkv")) == num_frames < 3000
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ("clip.mp4 --output=clip.mp4 --overwrite", "clip.mp4"),
        ("clip.mp4 frames/1.png --output=out2/", "frames/1.png"),
        ("clip.mp4 --output=new.mp4 --frame_rate=0", "frame_rate"),
    ],
)
def test_bad_input_is_one_line(folder, clip, stylize, arguments, expected):
    before = sorted(folder.rglob("*"))
    done = stylize(*arguments.split())
    assert done.returncode == 1 and done.stdout == ""
    assert expected in done.stderr and "Traceback" not in done.stderr
    assert sorted(folder.rglob("*")) == before


def test_a_missing_pyav_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"pip install 'fastnst\[video\]'"):
        video_flags.require_pyav()


def test_progress_in_words():
    assert (
        video_flags.describe(30, 300, 2.5)
        == "frame 30/300  2.50 frames/s  0:01:48 left"
    )
    # What a file says of its length need not be true.
    assert video_flags.describe(31, 30, 10.0).endswith("0:00:00 left")
    assert video_flags.describe(5, None, 0.25) == "frame 5  0.25 frames/s"
