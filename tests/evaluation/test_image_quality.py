import os
import pathlib

from PIL import Image
import numpy as np
import pytest
import tensorflow as tf

from fastnst.data import low_resolution
from fastnst.evaluation import image_quality


def _random_pair(seed=0, shape=(31, 40)):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 255, shape)
    return np.clip(truth + rng.normal(0, 20, shape), 0, 255), truth


def test_luma_is_studio_swing():
    colors = np.array(
        [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]],
        np.uint8,
    )
    np.testing.assert_allclose(
        image_quality.rgb_to_luma(colors),
        [16, 235, 81.481, 144.553, 40.966],
        atol=1e-9,
    )


def test_psnr_of_a_known_error():
    truth = np.full((4, 5), 100, np.uint8)
    image = truth.copy()
    image[0, 0] = 90
    # Mean square 100 / 20 = 5.
    assert image_quality.psnr(image, truth) == pytest.approx(
        10 * np.log10(65025 / 5)
    )
    assert image_quality.psnr(truth, truth) == float("inf")


def test_ssim_of_flat_images_is_the_luminance_term():
    dark, bright = np.full((2, 20, 20), [[[50.0]], [[100.0]]])
    c1 = 2.55**2
    assert image_quality.ssim(dark, bright) == pytest.approx(
        (2 * 50 * 100 + c1) / (50**2 + 100**2 + c1)
    )


def test_ssim_equals_tensorflow():
    image, truth = _random_pair()
    expected = tf.image.ssim(
        tf.constant(image[..., None], tf.float32),
        tf.constant(truth[..., None], tf.float32),
        255.0,
    )
    assert image_quality.ssim(image, truth) == pytest.approx(
        float(expected), abs=1e-5
    )


def test_ssim_equals_a_window_by_window_loop():
    image, truth = _random_pair(1, (13, 12))
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / 4.5)
    window /= window.sum()
    values = []
    for i in range(3):
        for j in range(2):
            x, y = image[i : i + 11, j : j + 11], truth[i : i + 11, j : j + 11]
            mx, my = (window * x).sum(), (window * y).sum()
            vx = (window * (x - mx) ** 2).sum()
            vy = (window * (y - my) ** 2).sum()
            cov = (window * (x - mx) * (y - my)).sum()
            values.append(
                (2 * mx * my + 6.5025)
                * (2 * cov + 58.5225)
                / ((mx**2 + my**2 + 6.5025) * (vx + vy + 58.5225))
            )
    assert image_quality.ssim(image, truth) == pytest.approx(np.mean(values))


def test_score_ignores_the_border_and_the_fraction():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 256, (24, 30, 3), np.uint8)
    image = truth.copy()
    image[:4] = image[-4:] = 0
    image[:, :4] = image[:, -4:] = 255
    score = image_quality.quality_score(image, truth, crop_border=4)
    assert score.psnr == float("inf") and score.ssim == pytest.approx(1)
    assert image_quality.quality_score(image, truth, crop_border=3).psnr < 40
    almost = np.clip(truth + 0.4, 0, 255)
    assert image_quality.quality_score(
        almost, truth, crop_border=0
    ).psnr == float("inf")


def test_crops():
    image = np.arange(11 * 14).reshape(11, 14)
    np.testing.assert_array_equal(
        image_quality.crop(image, 2), image[2:9, 2:12]
    )
    np.testing.assert_array_equal(image_quality.crop(image, 0), image)
    np.testing.assert_array_equal(
        image_quality.crop_to_multiple(image, 4), image[:8, :12]
    )


def test_bad_arguments_are_named():
    small = np.zeros((10, 30, 3))
    with pytest.raises(ValueError, match="11x11"):
        image_quality.quality_score(small, small, crop_border=0)
    with pytest.raises(ValueError, match="crop_border=5 for .* 30x10"):
        image_quality.quality_score(small, small, crop_border=5)
    with pytest.raises(ValueError, match="same shape"):
        image_quality.quality_score(small, small[1:], crop_border=0)
    with pytest.raises(ValueError, match="at least 4x4.*Received: 2x9"):
        image_quality.crop_to_multiple(np.zeros((9, 2, 3)), 4)


@pytest.mark.pretrained
@pytest.mark.parametrize(
    "factor, psnr, ssim", [(4, 28.431, 0.8113), (8, 24.398, 0.6582)]
)
def test_bicubic_row_of_set5(factor, psnr, ssim):
    """The paper's 28.43 / 0.8114 at factor 4, from its own images."""
    folder = os.environ.get("FASTNST_IMAGES")
    if not folder or not (pathlib.Path(folder) / "set5").is_dir():
        pytest.skip("FASTNST_IMAGES is not set, or has no set5")
    scores = []
    for path in sorted((pathlib.Path(folder) / "set5").iterdir()):
        truth = np.asarray(Image.open(path).convert("RGB"))
        truth = image_quality.crop_to_multiple(truth, factor)
        small = low_resolution.degrade(truth, factor, eight_bit=True)
        enlarged = low_resolution.upscale_bicubic(small, factor)
        scores.append(
            image_quality.quality_score(enlarged, truth, crop_border=factor)
        )
    mean = np.mean(scores, axis=0)
    assert len(scores) == 5
    assert mean[0] == pytest.approx(psnr, abs=1e-3)
    assert mean[1] == pytest.approx(ssim, abs=1e-4)
