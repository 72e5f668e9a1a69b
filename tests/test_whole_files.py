"""Files written whole or not at all: full disks, errors, other writers."""

import pytest

from fastnst import whole_files


def test_the_file_is_replaced_when_the_block_ends(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")
    with whole_files.replacing(path) as temporary:
        temporary.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")
    with pytest.raises(KeyError), whole_files.replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, full_disk):
    path = tmp_path / "file.txt"
    whole_files.write_text(path, "before")
    with pytest.raises(OSError), full_disk(10):
        whole_files.write_text(path, "x" * 100)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
