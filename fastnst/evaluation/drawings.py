"""Pictures that bring the defects of a network to light, drawn here."""

import numpy as np


def all_pictures(size: int = 256) -> dict[str, np.ndarray]:
    """Draws pictures that bring defects to light, by name."""
    return {
        "gradient": smooth_gradient(size),
        "colors": saturated_colors(size),
        "sky": sky(size),
    }


def smooth_gradient(size: int = 256) -> np.ndarray:
    """Draws colors that change slowly: float32 (size, size, 3)."""
    down, right = np.mgrid[:size, :size] / size
    channels = [60 + 120 * right, 80 + 90 * down, 200 - 60 * (right + down)]
    return np.stack(channels, -1).astype(np.float32)


def saturated_colors(size: int = 256) -> np.ndarray:
    """Draws a field of eight pure colors: float32 (size, size, 3).

    Channels are 8 or 247, so that a network that changes nothing burns
    nothing.
    """
    row, column = np.mgrid[:size, :size]
    index = 4 * (2 * row // size) + 4 * column // size
    bits = (index[..., None] >> np.arange(3)) & 1
    return (8 + 239 * bits).astype(np.float32)


def sky(size: int = 256, *, seed: int = 0) -> np.ndarray:
    """Draws a sky: a gradient, soft clouds, faint noise of a camera.

    Args:
        size: Height and width.
        seed: Of the clouds and the noise.

    Returns:
        float32, shape (size, size, 3), in [0, 255].
    """
    generator = np.random.default_rng(seed)
    frequencies = np.hypot(
        np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    )
    # Power falls with frequency ** -4: soft clouds, smoother than most photos.
    amplitude = (frequencies + 1 / size) ** -2.0
    spectrum = np.fft.rfft2(generator.normal(size=(size, size))) * amplitude
    clouds = np.fft.irfft2(spectrum, s=(size, size))
    clouds = np.clip(0.25 + 0.25 * clouds / clouds.std(), 0, 1)[..., None]
    height = np.linspace(0, 1, size)[:, None, None]
    blue = (1 - height) * [70.0, 120.0, 200.0] + height * [170.0, 205.0, 235.0]
    picture = blue + clouds * ([240.0, 240.0, 242.0] - blue)
    picture = picture + generator.normal(scale=1.0, size=(size, size, 1))
    return np.clip(picture, 1, 254).astype(np.float32)
