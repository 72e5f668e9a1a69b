import pathlib

import pytest

from fastnst.inference import video_files


@pytest.mark.parametrize(
    "inputs, output, expected",
    [
        (["a.mp4"], "b.mp4", True),
        (["a.MOV", "b.avi"], "out/", True),
        (["frames"], "b.webm", True),
        (["a.gif"], "b.gif", True),
        # A GIF among pictures is a picture, its first.
        (["a.gif"], "out/", False),
        (["a.gif"], "b.png", False),
        (["a.jpg", "photos"], "out/", False),
    ],
)
def test_videos_are_told_by_their_names(inputs, output, expected):
    assert video_files.wanted(inputs, output) == expected


def _targets(jobs):
    return [job.target for job in jobs]


def test_names_of_results(tmp_path):
    folder = f"{tmp_path}/out/"
    jobs = video_files.plan(["x/a.mp4", "b.MKV", "c.avi"], folder)
    assert _targets(jobs) == [
        pathlib.Path(folder, name) for name in ("a.mp4", "b.MKV", "c.mp4")
    ]
    assert [str(job.source) for job in jobs] == ["x/a.mp4", "b.MKV", "c.avi"]
    assert _targets(video_files.plan(["c.avi"], str(tmp_path))) == [
        tmp_path / "c.mp4"
    ]


@pytest.mark.parametrize(
    "inputs, output, match",
    [
        (["a.mp4", "b.mp4"], "c.mp4", "folder for several inputs"),
        (["a.mp4", "photo.jpg"], "out/", "photo.jpg"),
        (["a.mp4"], "b.png", "ends in /.*b.png"),
        (["a.avi", "a.mp4"], "out/", "a.avi.*a.mp4.*out/a.mp4"),
    ],
)
def test_what_does_not_fit_is_refused(inputs, output, match):
    with pytest.raises(ValueError, match=match):
        video_files.plan(inputs, output)


def test_neither_inputs_nor_other_files_are_overwritten(tmp_path):
    clip, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    clip.touch()
    (tmp_path / "link.mp4").hardlink_to(clip)
    for target in (clip, tmp_path / "link.mp4", tmp_path):
        with pytest.raises(ValueError, match="input would be overwritten"):
            video_files.plan([str(clip)], str(target), overwrite=True)
    other.touch()
    with pytest.raises(ValueError, match="exist already.*b.mp4"):
        video_files.plan([str(clip)], str(other))
    assert video_files.plan([str(clip)], str(other), overwrite=True)
