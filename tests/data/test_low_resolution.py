from fractions import Fraction

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from fastnst.data import low_resolution

# By hand from k(t) = 1.5 t^3 - 2.5 t^2 + 1 for t <= 1 and
# -0.5 t^3 + 2.5 t^2 - 4 t + 2 for t < 2, at t = 1/8, 3/8, ... 15/8, from the
# outermost to the innermost tap; the sixteen weights sum to one.
_WEIGHTS_4 = np.array([-7, -45, -75, -49, 93, 399, 745, 987]) / 4096
# The same at t = 1/16, 3/16, ... 31/16.
_WEIGHTS_8 = (
    np.array(
        [
            *(-15, -117, -275, -441, -567, -605, -507, -225),
            *(317, 1263, 2505, 3899, 5301, 6567, 7553, 8115),
        ]
    )
    / 65536
)
# At t = 11/8, 3/8, 5/8, 13/8 and t = 9/8, 1/8, 7/8, 15/8.
_PHASES_4 = np.array([[-75, 745, 399, -45], [-49, 987, 93, -7]]) / 1024

# Six rows of nine pixels, shrunk by 4 with exact fractions (_exact below).
_PICTURE = np.array(
    [
        [0, 0, 0, 0, 255, 255, 255, 255, 0],
        [0, 10, 20, 30, 40, 50, 60, 70, 80],
        [255, 0, 255, 0, 255, 0, 255, 0, 255],
        [7, 77, 177, 200, 201, 19, 3, 91, 128],
        [90, 80, 70, 60, 50, 40, 30, 20, 10],
        [5, 250, 5, 250, 5, 250, 5, 250, 5],
    ]
)
_GOLDEN = np.array(
    [
        [65.10252, 119.84905, 113.81469],
        [107.45659, 82.39944, 65.62819],
    ]
)


@pytest.mark.parametrize("factor, half", [(4, _WEIGHTS_4), (8, _WEIGHTS_8)])
def test_interior_rows_hold_the_stretched_cubic_kernel(factor, half):
    row = low_resolution.downscaling_matrix(16 * factor, factor).toarray()[5]
    expected = np.zeros(16 * factor)
    first = 5 * factor + factor // 2 - 2 * factor
    expected[first : first + 4 * factor] = [*half, *half[::-1]]
    np.testing.assert_allclose(row, expected, atol=1e-15)


def test_first_row_folds_the_kernel_back_at_the_border():
    row = low_resolution.downscaling_matrix(40, 4).toarray()[0]
    kernel = np.array([*_WEIGHTS_4, *_WEIGHTS_4[::-1]])
    # Six taps lie before the first pixel; symmetric: -1 reads 0, -2 reads 1.
    expected = kernel[6:]
    expected[:6] += kernel[:6][::-1]
    np.testing.assert_allclose(row[:10], expected, atol=1e-15)
    assert not row[10:].any()


def test_enlarging_by_four_has_four_phases_of_the_plain_kernel():
    matrix = low_resolution.upscaling_matrix(9, 4).toarray()
    first, second = _PHASES_4
    for phase, (start, taps) in enumerate(
        [
            (2, first[::-1]),
            (2, second[::-1]),
            (3, second),
            (3, first),
        ]
    ):
        expected = np.zeros(9)
        expected[start : start + 4] = taps
        np.testing.assert_allclose(matrix[16 + phase], expected, atol=1e-15)


def _kernel(t):
    t = abs(t)
    if t <= 1:
        return Fraction(3, 2) * t**3 - Fraction(5, 2) * t**2 + 1
    if t < 2:
        return -Fraction(1, 2) * t**3 + Fraction(5, 2) * t**2 - 4 * t + 2
    return Fraction(0)


def _exact_row(values, factor):
    """Shrinks a list of fractions, pixel by pixel, with a mirror beside it."""
    size = len(values)
    mirrored = values + values[::-1]
    shrunk = []
    for i in range(-(-size // factor)):
        center = Fraction(2 * i + 1, 2) * factor
        total = Fraction(0)
        for j in range(-20 * factor, size + 20 * factor):
            weight = _kernel((Fraction(2 * j + 1, 2) - center) / factor)
            total += weight * mirrored[j % (2 * size)] / factor
        shrunk.append(total)
    return shrunk


def _exact(picture, factor):
    rows = [_exact_row([Fraction(int(v)) for v in r], factor) for r in picture]
    columns = [_exact_row(list(c), factor) for c in zip(*rows)]
    return np.array(columns, dtype=float).T


def test_golden_array():
    shrunk = low_resolution.degrade(_PICTURE[..., None], 4)[..., 0]
    np.testing.assert_allclose(shrunk, _GOLDEN, atol=2e-5)
    np.testing.assert_allclose(shrunk, _exact(_PICTURE, 4), atol=2e-5)


@pytest.mark.parametrize("degradation", low_resolution.DEGRADATIONS)
@pytest.mark.parametrize("factor", [4, 8])
def test_tensorflow_equals_numpy(factor, degradation):
    rng = np.random.default_rng(0)
    patches = rng.uniform(0, 255, (2, 48, 40, 3)).astype(np.float32)
    expected = low_resolution.degrade(patches, factor, degradation=degradation)
    compiled = tf.function(
        lambda p: low_resolution.degrade_patches(
            p, factor, degradation=degradation
        ),
        jit_compile=True,
    )(tf.constant(patches))
    [piped] = tf.data.Dataset.from_tensors(patches).map(
        lambda p: low_resolution.degrade_patches(
            p, factor, degradation=degradation
        )
    )
    assert expected.shape == (2, 48 // factor, 40 // factor, 3)
    np.testing.assert_allclose(compiled, expected, atol=1e-3)
    np.testing.assert_allclose(piped, expected, atol=1e-3)


def test_tensorflow_rounds_to_eight_bits_as_numpy_does():
    rng = np.random.default_rng(1)
    patches = rng.choice([0.0, 255.0], (1, 32, 32, 3)).astype(np.float32)
    expected = low_resolution.degrade(patches, 4, eight_bit=True)
    rounded = low_resolution.degrade_patches(
        tf.constant(patches), 4, eight_bit=True
    )
    np.testing.assert_array_equal(rounded, expected)


def test_eight_bits_are_whole_and_in_range_while_floats_overshoot():
    step = np.zeros((32, 32, 3), np.uint8)
    step[:, 16:] = 255
    plain = low_resolution.degrade(step, 4)
    assert plain.min() < -1 and plain.max() > 256
    rounded = low_resolution.degrade(step, 4, eight_bit=True)
    np.testing.assert_array_equal(rounded, rounded.astype(np.uint8))
    np.testing.assert_allclose(rounded, np.clip(plain, 0, 255), atol=0.5)


def test_paper_degradation_is_gaussian_blur_then_bicubic():
    rng = np.random.default_rng(2)
    image = rng.uniform(0, 255, (37, 26, 3))
    blurred = scipy.ndimage.gaussian_filter(
        image, (1, 1, 0), mode="reflect", truncate=4
    )
    np.testing.assert_allclose(
        low_resolution.degrade(image, 4, degradation="paper"),
        low_resolution.degrade(blurred, 4),
        atol=1e-3,
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 33])
@pytest.mark.parametrize("factor", [1, 4, 8])
def test_sizes_round_up_and_flat_images_stay_flat(size, factor):
    image = np.full((size, 2 * size, 3), 200, np.uint8)
    shrunk = low_resolution.degrade(image, factor)
    assert shrunk.shape == (-(-size // factor), -(-2 * size // factor), 3)
    np.testing.assert_allclose(shrunk, 200, atol=1e-4)
    enlarged = low_resolution.upscale_bicubic(image, factor)
    assert enlarged.shape == (size * factor, 2 * size * factor, 3)
    np.testing.assert_allclose(enlarged, 200, atol=1e-4)


def test_factor_one_changes_nothing():
    image = np.random.default_rng(3).uniform(0, 255, (5, 6, 3))
    image = image.astype(np.float32)
    np.testing.assert_allclose(low_resolution.degrade(image, 1), image)
    np.testing.assert_allclose(low_resolution.upscale_bicubic(image, 1), image)


def test_enlarging_keeps_a_ramp_straight_away_from_the_border():
    ramp = np.tile(np.arange(12.0)[:, None, None], (1, 12, 1))
    enlarged = low_resolution.upscale_bicubic(ramp, 4)[8:-8, 8:-8, 0]
    positions = (np.arange(48) + 0.5) / 4 - 0.5
    expected = np.tile(positions[8:-8, None], (1, 32))
    np.testing.assert_allclose(enlarged, expected, atol=1e-5)


def test_bad_arguments_are_named():
    image = np.zeros((8, 8, 3))
    with pytest.raises(ValueError, match="bicubic, paper.*'blurry'"):
        low_resolution.degrade(image, 4, degradation="blurry")
    with pytest.raises(ValueError, match="factor=0"):
        low_resolution.degrade(image, 0)
    with pytest.raises(ValueError, match="factor=2.5"):
        low_resolution.upscale_bicubic(image, 2.5)
    with pytest.raises(ValueError, match=r"\(8, 8\)"):
        low_resolution.degrade(image[..., 0], 4)
    signature = [tf.TensorSpec([1, None, None, 3])]
    with pytest.raises(ValueError, match="static"):
        tf.function(
            lambda p: low_resolution.degrade_patches(p, 4), signature
        ).get_concrete_function()
