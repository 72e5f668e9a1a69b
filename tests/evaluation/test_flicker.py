import numpy as np
import pytest

from fastnst.evaluation import flicker


def _photos(count=2, height=40, width=52):
    generator = np.random.default_rng(3)
    # Away from 0 and 255, where noise would be clipped.
    return list(
        generator.uniform(60, 190, [count, 1, height, width, 3]).astype("f4")
    )


def test_the_photo_itself_does_not_flicker():
    found = flicker.measure(lambda frames: frames, _photos())
    assert found.noise == 0 and found.pan == 0
    # The difference of two normal variables of deviation 3: 3 * 2 / sqrt(pi).
    assert found.noise_input == pytest.approx(6 / np.sqrt(np.pi), rel=0.02)


def test_what_sees_pixels_alone_moves_with_them_and_scales_noise():
    found = flicker.measure(lambda frames: 255 - 2.5 * frames, _photos())
    assert found.pan == 0
    assert found.noise_output == pytest.approx(2.5 * found.noise_input)
    assert found.noise == pytest.approx(1.5 * found.noise_input)


def test_a_constant_ignores_noise():
    found = flicker.measure(np.zeros_like, _photos())
    assert found.noise == -found.noise_input < 0
    assert found.pan == 0


def test_a_texture_that_stays_where_it_is_does_not_move_with_the_pan():
    # Columns 0, 9, 0, 9: a pixel further all of them differ by 9.
    stripes = 9.0 * (np.arange(100) % 2)[None, None, :, None]
    found = flicker.measure(
        lambda frames: frames + stripes[:, :, : frames.shape[2]], _photos()
    )
    assert found.pan == pytest.approx(9.0, abs=1e-4)
    assert found.noise == pytest.approx(0.0, abs=1e-4)


def test_statistics_of_the_frame_move_it_as_a_whole():
    def brightened(frames):
        return frames + 10.0 * frames.mean()

    (photo,) = _photos(1)
    found = flicker.measure(brightened, [photo])
    means = [photo[:, n:36 + n, n:48 + n].mean() for n in range(5)]
    expected = 10 * np.mean(np.abs(np.diff(means)))
    assert expected > 0.1
    assert found.pan == pytest.approx(expected, rel=1e-3)


def test_the_same_seed_is_the_same_noise():
    def squared(frames):
        return frames**2 / 255

    assert flicker.measure(squared, _photos()) == flicker.measure(
        squared, _photos()
    )


def test_too_small_or_no_photos_are_refused():
    with pytest.raises(ValueError, match="larger than 4.*40, 4, 3"):
        flicker.measure(np.negative, _photos(width=4))
    with pytest.raises(ValueError, match="at least one"):
        flicker.measure(np.negative, [])
