import pytest

from fastnst.deployment import version_directory


def test_appears_whole_under_its_name(tmp_path):
    directory = tmp_path / "wave" / "1"
    with version_directory.new(directory) as temporary:
        (temporary / "file").write_text("new")
        assert not directory.exists()
        assert temporary.parent == directory.parent
        # A model server takes whole numbers for versions.
        assert not temporary.name.isdigit()
    assert [path.name for path in directory.parent.iterdir()] == ["1"]
    assert (directory / "file").read_text() == "new"


def test_a_failure_leaves_nothing_behind(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with version_directory.new(tmp_path / "a" / "b" / "1") as temporary:
            (temporary / "file").write_text("half")
            raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_an_existing_version_is_refused_and_kept(tmp_path):
    directory = tmp_path / "1"
    directory.mkdir()
    (directory / "file").write_text("old")
    with pytest.raises(ValueError, match="exists already.*--overwrite"):
        with version_directory.new(directory):
            pytest.fail("must not begin")
    assert (directory / "file").read_text() == "old"


def test_overwrite_replaces_only_after_success(tmp_path):
    directory = tmp_path / "1"
    directory.mkdir()
    (directory / "old").write_text("old")
    with pytest.raises(RuntimeError):
        with version_directory.new(directory, overwrite=True):
            raise RuntimeError
    assert (directory / "old").exists()
    with version_directory.new(directory, overwrite=True) as temporary:
        (temporary / "new").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    assert [path.name for path in directory.iterdir()] == ["new"]


def test_a_file_in_the_way_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("text")
    with pytest.raises(ValueError, match="`output_dir` must be a folder"):
        version_directory.check_free(file / "wave" / "1", overwrite=True)
    with pytest.raises(ValueError, match="in the way"):
        version_directory.check_free(file, overwrite=True)
