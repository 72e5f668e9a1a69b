import numpy as np
import pytest

from fastnst.inference import histogram_matching


def _random(seed, shape, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def test_undoes_any_monotone_curve():
    small = _random(0, (6, 7, 3), np.float32)
    large = small.repeat(4, 0).repeat(4, 1)
    drifted = np.sqrt(large / 255) * 120 + [3, 50, 90]
    np.testing.assert_allclose(
        histogram_matching.match_histogram(drifted, small), large, atol=1e-4
    )


def test_same_distribution_is_left_alone():
    small = _random(1, (8, 8, 3))
    large = small.repeat(2, 0).repeat(2, 1)[::-1, ::-1]
    np.testing.assert_array_equal(
        histogram_matching.match_histogram(large, small), large
    )


def test_two_levels_by_hand():
    """A quarter dark and three quarters bright take the same shares."""
    image = np.array([[[10.0], [20.0], [20.0], [20.0]]])
    reference = np.array([[[5.0], [90.0], [90.0], [90.0]]])
    matched = histogram_matching.match_histogram(image, reference)
    np.testing.assert_allclose(matched[0, :, 0], [5, 90, 90, 90])
    # Ranks 1/4 and 3/4 lie between the reference's 1/8 and 5/8, and above.
    image = np.array([[[10.0], [10.0], [20.0], [20.0]]])
    matched = histogram_matching.match_histogram(image, reference)
    np.testing.assert_allclose(matched[0, :, 0], [26.25, 26.25, 90, 90])


def test_channels_are_matched_each_by_itself():
    image = _random(2, (9, 9, 3))
    reference = np.zeros((4, 4, 3), np.uint8) + np.uint8([7, 130, 255])
    matched = histogram_matching.match_histogram(image, reference)
    np.testing.assert_array_equal(
        matched, np.broadcast_to([7, 130, 255], (9, 9, 3))
    )


def test_dark_and_bright_are_treated_alike():
    image = _random(3, (12, 12, 3), np.float32)
    reference = _random(4, (5, 5, 3), np.float32)
    np.testing.assert_allclose(
        histogram_matching.match_histogram(255 - image, 255 - reference),
        255 - histogram_matching.match_histogram(image, reference),
        atol=1e-4,
    )


def test_mean_and_spread_become_those_of_the_reference():
    rng = np.random.default_rng(5)
    image = rng.normal(100, 10, (64, 64, 3)).astype(np.float32)
    reference = rng.normal(140, 30, (48, 48, 3)).astype(np.float32)
    matched = histogram_matching.match_histogram(image, reference)
    assert matched.dtype == np.float32
    np.testing.assert_allclose(
        matched.mean((0, 1)), reference.mean((0, 1)), atol=0.1
    )
    np.testing.assert_allclose(
        matched.std((0, 1)), reference.std((0, 1)), atol=0.2
    )


def test_batch_is_matched_image_by_image():
    images, references = _random(6, (2, 8, 8, 3)), _random(7, (2, 4, 6, 3))
    matched = histogram_matching.match_histogram(images, references)
    assert matched.dtype == np.uint8
    for i in range(2):
        np.testing.assert_array_equal(
            matched[i],
            histogram_matching.match_histogram(images[i], references[i]),
        )


def test_shapes_that_do_not_fit_are_named():
    image = _random(8, (8, 8, 3))
    for reference in (image[..., :1], image[None], image[:0]):
        with pytest.raises(ValueError, match=r"\(8, 8, 3\) and"):
            histogram_matching.match_histogram(image, reference)
