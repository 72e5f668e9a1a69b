"""A workdir belongs to one process and to one experiment."""

import os
import subprocess
import sys

import pytest

from fastnst.training import workdir as workdir_lib

_FLAGS = {"width": "0.5", "workdir": "w", "content_dataset": "a,b"}
_FACTS = {"sha256 of style wave": "123"}


def _learn(path):
    (path / "checkpoints").mkdir()
    (path / "checkpoints" / "ckpt-1.index").write_bytes(b"1")


def test_flags_are_a_flagfile_and_facts_its_comments(tmp_path):
    workdir = workdir_lib.Workdir(tmp_path / "a" / "b", _FLAGS, _FACTS)
    assert (workdir.path / "flags.txt").read_text().splitlines() == [
        "--width=0.5",
        "--workdir=w",
        "--content_dataset=a,b",
        "# sha256 of style wave=123",
    ]
    assert sorted(p.name for p in workdir.path.iterdir()) == [
        "flags.txt",
        "lock",
    ]


def test_a_second_run_is_refused_until_the_first_is_gone(tmp_path):
    first = workdir_lib.Workdir(tmp_path, _FLAGS, _FACTS)
    with pytest.raises(ValueError, match=f"process {os.getpid()}.*--workdir"):
        workdir_lib.Workdir(tmp_path, _FLAGS, _FACTS)
    # The refused one must not have taken the first one's name away.
    with pytest.raises(ValueError, match=f"process {os.getpid()}"):
        workdir_lib.Workdir(tmp_path, _FLAGS, _FACTS)
    del first
    workdir_lib.Workdir(tmp_path, _FLAGS, _FACTS)


def test_the_lock_does_not_survive_kill_9(tmp_path):
    script = (
        "import sys, time\n"
        "from fastnst.training import workdir\n"
        "lock = workdir.Workdir(sys.argv[1], {}, {})\n"
        "print('locked', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(ValueError, match=f"process {process.pid}"):
            workdir_lib.Workdir(tmp_path, {}, {})
        process.kill()
        process.wait()
        workdir_lib.Workdir(tmp_path, {}, {})


@pytest.mark.parametrize(
    ("flags", "facts", "named"),
    [
        ({**_FLAGS, "width": "1.0"}, _FACTS, "--width=0.5.*--width=1.0"),
        ({**_FLAGS, "tv_weight": "1"}, _FACTS, "--tv_weight=None.*=1"),
        ({"workdir": "w", "width": "0.5"}, _FACTS, "--content_dataset=a,b"),
        (_FLAGS, {"sha256 of style wave": "4"}, "wave=123.*wave=4"),
    ],
)
def test_another_experiment_is_refused_by_its_flag(
    tmp_path, flags, facts, named
):
    workdir_lib.Workdir(tmp_path, _FLAGS, _FACTS)
    _learn(tmp_path)
    before = (tmp_path / "flags.txt").read_text()
    with pytest.raises(ValueError, match=named):
        workdir_lib.Workdir(tmp_path, flags, facts)
    assert (tmp_path / "flags.txt").read_text() == before


def test_flags_that_change_nothing_learned_may_change(tmp_path):
    workdir_lib.Workdir(tmp_path, _FLAGS, _FACTS)
    _learn(tmp_path)
    flags = {**_FLAGS, "workdir": "moved", "checkpoint_every": "7"}
    workdir_lib.Workdir(tmp_path, flags, _FACTS)
    assert "--checkpoint_every=7" in (tmp_path / "flags.txt").read_text()


def test_a_training_of_an_earlier_version_goes_on(tmp_path):
    workdir_lib.Workdir(tmp_path, _FLAGS, {})
    _learn(tmp_path)
    new = {**_FLAGS, "task": "style"}
    with pytest.raises(ValueError, match="--task=None"):
        workdir_lib.Workdir(tmp_path, new, _FACTS)
    workdir_lib.Workdir(tmp_path, new, _FACTS, defaults={"task": "style"})


def test_a_command_that_learned_nothing_may_be_corrected(tmp_path):
    workdir_lib.Workdir(tmp_path, _FLAGS, _FACTS)
    corrected = {**_FLAGS, "content_dataset": "c"}
    workdir_lib.Workdir(tmp_path, corrected, _FACTS)
    assert "--content_dataset=c" in (tmp_path / "flags.txt").read_text()


def test_a_file_in_place_of_the_workdir_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        workdir_lib.Workdir(tmp_path / "file", {}, {})
