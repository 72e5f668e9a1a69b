"""The flags of the images that are trained on."""

from PIL import Image
import pytest

from fastnst import content_flags


@pytest.fixture
def photos(tmp_path):
    """Two folders; a picture of each has the name of one of the other's."""
    for name in ("one/x.png", "two/y.png", "two/x.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30), "red").save(path)
    return tmp_path


def test_validation_photos_have_the_names_of_their_files(set_flags, photos):
    set_flags(
        content_dataset=["synthetic"],
        validation_images=[str(photos / "two" / "y.png"), str(photos / "one")],
    )
    named = content_flags.validation_photos(32)
    assert [name for name, _ in named] == ["y", "x"]
    assert {photo.shape for _, photo in named} == {(30, 40, 3)}


def test_photos_whose_results_would_have_one_name_are_refused(
    set_flags, photos
):
    set_flags(
        content_dataset=["synthetic"],
        validation_images=[str(photos / "one"), str(photos / "two")],
    )
    with pytest.raises(ValueError, match="one/x.png and .*two/x.jpg"):
        content_flags.validation_photos(32)
