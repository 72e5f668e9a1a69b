"""Pairs for training are what evaluation makes of the same pictures."""

import shutil

from PIL import Image
from absl import logging
import numpy as np
import pytest

from fastnst.data import content_images
from fastnst.data import low_resolution
from fastnst.data import super_resolution_pairs


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two pictures of noise; the second is smaller than the patches."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for name, size in (("large", 50), ("small", 20)):
        noise = generator.integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{name}.png")
    return folder


def _patches(folder, image_size):
    return content_images.content_images(
        [str(folder)], image_size=image_size, batch_size=2, seed=0,
        resize="patch",
    )


@pytest.mark.parametrize("degradation", low_resolution.DEGRADATIONS)
@pytest.mark.parametrize("factor", [4, 8])
def test_low_resolution_is_that_of_the_evaluation(photos, factor, degradation):
    dataset = super_resolution_pairs.super_resolution_pairs(
        _patches(photos, 32), factor=factor, degradation=degradation
    )
    small, truth, position = next(iter(dataset))
    assert small.shape == (2, 32 // factor, 32 // factor, 3)
    expected = low_resolution.degrade(
        truth.numpy(), factor, degradation=degradation, eight_bit=True
    )
    # float32 may round the other way at .5.
    difference = np.abs(small - expected)
    assert difference.max() <= 1 and difference.mean() < 0.01
    np.testing.assert_array_equal(small, np.round(small))
    assert position[0] > 0


def test_a_photo_smaller_than_the_patch_is_skipped_and_counted(
    photos, tmp_path, caplog
):
    logging.use_absl_handler()
    # A process names a file once.
    photos = shutil.copytree(photos, tmp_path / "photos")
    with caplog.at_level("WARNING"):
        dataset = super_resolution_pairs.super_resolution_pairs(
            _patches(photos, 32), factor=4, degradation="bicubic"
        )
        large = np.asarray(Image.open(photos / "large.png"), np.float32)
        for _, truth, _ in dataset.take(4):
            values = set(map(tuple, truth.numpy().reshape(-1, 3)))
            assert values <= set(map(tuple, large.reshape(-1, 3)))
    (line,) = [r.getMessage() for r in caplog.records]
    assert "small.png" in line and "(1 of" in line and "20x20" in line


def test_photos_that_are_all_too_small_are_an_error(photos, tmp_path):
    Image.open(photos / "small.png").save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="20x20"):
        _patches(tmp_path, 32)


def test_sizes_and_factors_that_do_not_fit_are_refused(photos):
    with pytest.raises(ValueError, match="multiple of the factor, 8.*36"):
        super_resolution_pairs.super_resolution_pairs(
            _patches(photos, 36), factor=8, degradation="bicubic"
        )
    with pytest.raises(ValueError, match="bicubic, paper"):
        super_resolution_pairs.super_resolution_pairs(
            _patches(photos, 32), factor=4, degradation="nearest"
        )
