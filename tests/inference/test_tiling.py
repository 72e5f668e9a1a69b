"""Parts of a picture give the pixels of the whole, wherever they are cut."""

import os
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.inference import memory
from fastnst.inference import row_buffers
from fastnst.inference import strips
from fastnst.inference import tiles
from fastnst.inference import tiling
from fastnst.inference import transform
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network

# What one may see of 255.
_TOLERANCE = 0.05
_BLEND = [[0.3, 0.7]]


def _trained(network):
    """Gives the weights what training would: statistics, rows, contrast."""
    generator = np.random.default_rng(4)
    network.build((None, None, None, 3))
    for variable in network.weights:
        noise = generator.normal(0, 0.3, variable.shape)
        if variable.name in ("scale", "moving_variance"):
            variable.assign(np.exp(noise))
        elif variable.name in ("shift", "moving_mean"):
            variable.assign(noise)
    return network


@pytest.fixture(scope="module")
def style_networks():
    """Style transfer networks of both presets with two styles, by preset."""
    keras.utils.set_random_seed(4)
    found = {}
    # Where tanh saturates, differences would not show; where the pixels hardly
    # move, they would be small.
    for preset, gain in (("default", 5.0), ("paper", 0.1)):
        network = _trained(
            style_transfer_network.StyleTransferNetwork(
                preset, width=0.2, style_names=("wave", "mosaic")
            )
        )
        kernel = network.to_pixels.kernel
        kernel.assign(kernel * gain)
        found[preset] = network
    return found


@pytest.fixture(scope="module")
def enlarging_networks():
    """Super-resolution networks, by factor and preset."""
    keras.utils.set_random_seed(4)
    found = {}
    for factor in super_resolution_network.FACTORS:
        for preset in super_resolution_network.PRESETS:
            network = _trained(
                super_resolution_network.SuperResolutionNetwork(
                    factor, preset, 0.2
                )
            )
            # The default starts as bicubic: its other layers must show too.
            for step in network.residual_steps[1::2]:
                kernel = step.convolution.kernel
                kernel.assign(kernel * 5)
            if preset == "default":
                last = network.last.kernel
                last.assign(last * 50)
            found[factor, preset] = network
    return found


def _photo(height, width):
    """A slope and noise: the statistics of its parts are not alike."""
    generator = np.random.default_rng(height)
    noise = generator.uniform(-60, 60, [height, width, 3])
    slope = np.linspace(60, 195, height)[:, None, None]
    return (slope + noise).astype(np.float32)


def _difference_per_row(found, expected):
    assert found.shape == expected.shape and found.dtype == expected.dtype
    return np.abs(found - expected).max(axis=(1, 2))


@pytest.mark.parametrize("preset", ["default", "paper"])
@pytest.mark.parametrize(
    ("size", "rows"),
    [((96, 64), 32), ((97, 63), 20), ((71, 9), 10), ((5, 3), 8)],
)
def test_strips_are_the_whole_picture(style_networks, preset, size, rows):
    network, photo = style_networks[preset], _photo(*size)
    blend = tf.constant(_BLEND)
    expected = network(photo[None], blend)[0].numpy()
    # There is a picture to compare.
    assert expected.std() > 10
    assert expected.min() >= 0 and np.median(expected) not in (0, 255)
    found = tiling.transform(network, photo, blend, rows=rows)
    assert _difference_per_row(found, expected).max() < _TOLERANCE


def test_strips_of_bfloat16_are_the_whole_picture_in_bfloat16(style_networks):
    network = style_networks["default"]
    photo = _photo(96, 64)
    fast = transform.ImageTransformer(network, "bfloat16")
    exact = transform.ImageTransformer(network).stylize(photo)
    whole = np.abs(fast.stylize(photo, tile="off") - exact).mean()
    parts = np.abs(fast.stylize(photo, tile=16) - exact).mean()
    # Rounded as much, by the same layers.
    assert 0.5 * whole < parts < 1.5 * whole


def test_the_statistics_are_those_of_the_whole_picture(style_networks):
    """Strips stylized one by one would differ: the test above can fail."""
    network, photo = style_networks["default"], _photo(96, 64)
    blend = tf.constant(_BLEND)
    expected = network(photo[None], blend)[0].numpy()
    parts = [
        network(photo[None, begin:begin + 32], blend)[0].numpy()
        for begin in (0, 32, 64)
    ]
    difference = _difference_per_row(np.concatenate(parts), expected)
    assert difference.min() > 10 * _TOLERANCE


@pytest.mark.parametrize("factor", [4, 8])
@pytest.mark.parametrize("preset", ["default", "paper"])
def test_tiles_are_the_whole_picture(
    enlarging_networks, monkeypatch, factor, preset
):
    network, photo = enlarging_networks[factor, preset], _photo(36, 30)
    expected = network(photo[None])[0].numpy()
    found = tiling.transform(network, photo, rows=20)
    assert _difference_per_row(found, expected).max() < _TOLERANCE
    # With too few neighbors the seams show.
    monkeypatch.setattr(tiles, "reach", lambda network: 3)
    cut = tiling.transform(network, photo, rows=20)
    assert _difference_per_row(cut, expected).max() > _TOLERANCE


def test_the_reach_is_how_far_a_change_is_seen(enlarging_networks):
    for (factor, preset), network in enlarging_networks.items():
        photo = np.full([1, 60, 3, 3], 100, np.float32)
        photo[0, 40:] = 220
        plain = np.full_like(photo, 100)
        change = network(photo)[0].numpy() - network(plain)[0].numpy()
        first = np.flatnonzero(np.abs(change).max(axis=(1, 2)))[0]
        assert 40 - tiles.reach(network) <= first / factor < 38, preset


def test_uint8_is_rounded_like_the_whole(style_networks):
    transformer = transform.ImageTransformer(style_networks["default"])
    photo = _photo(50, 40).astype(np.uint8)
    shares = []
    found = transformer.stylize(photo, tile=16, progress=shares.append)
    assert found.dtype == np.uint8
    exact = transformer.stylize(photo.astype(np.float32))
    assert np.abs(found - exact).max() <= 0.5 + _TOLERANCE
    assert shares == sorted(shares) and shares[-1] == 1


@pytest.mark.parametrize("rows", [8, 64])
def test_progress_of_tiles_ends_at_one(enlarging_networks, rows):
    shares = []
    tiling.transform(
        enlarging_networks[4, "paper"],
        _photo(20, 18),
        rows=rows,
        progress=shares.append,
    )
    assert shares == sorted(set(shares)) and shares[-1] == 1


def test_at_most_three_maps_of_a_quarter_of_the_size_are_kept(style_networks):
    lent = row_buffers.RowBuffers(10**6)
    free = []
    run = strips.StripRun(
        style_networks["default"],
        tf.constant(_BLEND),
        rows=32,
        buffers=lent,
        progress=lambda share: free.append(lent._free_bytes),
    )
    list(run.stylized(_photo(96, 64)))
    # 26 channels of float32; or one of them and 13 at half the size.
    assert 10**6 - min(free) == 3 * 4 * 26 * (24 * 16)
    assert lent._free_bytes == 10**6


def test_what_the_memory_cannot_hold_goes_to_files_that_vanish(
    style_networks, tmp_path, monkeypatch
):
    network, photo = style_networks["default"], _photo(96, 64)
    expected = tiling.transform(network, photo, tf.constant(_BLEND), rows=32)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = []
    whole = row_buffers.FileBuffer

    def counted(*arguments):
        made.append(arguments)
        return whole(*arguments)

    monkeypatch.setattr(row_buffers, "FileBuffer", counted)
    run = strips.StripRun(
        network,
        tf.constant(_BLEND),
        rows=32,
        buffers=row_buffers.RowBuffers(50_000),
        progress=lambda share: None,
    )
    found = np.concatenate([strip for _, strip in run.stylized(photo)])
    np.testing.assert_array_equal(found, expected)
    # Of three quarter-size maps alive at once one fits, half-size ones do not.
    assert len(made) > 2
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_clear_error(style_networks, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tiling, "_BUFFER_BYTES", 0)
    with pytest.raises(OSError, match=f"{tmp_path} has no room.*TMPDIR.*left"):
        tiling.transform(
            style_networks["default"],
            _photo(32, 32),
            tf.constant(_BLEND),
            rows=16,
        )
    assert not list(tmp_path.iterdir())


def test_auto_asks_the_memory_and_falls_back(style_networks, monkeypatch):
    transformer = transform.ImageTransformer(style_networks["default"])
    photo = _photo(40, 30)
    done = []

    def parts(network, picture, blend, *, rows, progress):
        done.append(rows)
        return picture

    monkeypatch.setattr(tiling, "transform", parts)
    transformer.stylize(photo)
    assert not done
    monkeypatch.setattr(memory, "fits", lambda *arguments: False)
    transformer.stylize(photo)
    transformer.stylize(photo, tile="off")
    assert done == [tiling.default_rows(transformer.network, 30)]
    transformer.stylize(photo, tile="12")
    assert done[1:] == [12]


@pytest.mark.parametrize(
    "error",
    [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM")],
)
def test_when_the_memory_is_full_parts_are_tried(
    style_networks, monkeypatch, error
):
    network, photo = style_networks["default"], _photo(40, 30)
    expected = network(photo[None])[0].numpy()
    transformer = transform.ImageTransformer(network)

    def full(*size):
        raise error

    monkeypatch.setattr(transformer, "_traced", full)
    found = transformer.stylize(photo)
    np.testing.assert_allclose(found, expected, atol=_TOLERANCE)
    with pytest.raises(type(error)):
        transformer.stylize(photo, tile="off")


@pytest.mark.parametrize("tile", ["on", "", "0", -4, 1.5, None])
def test_a_bad_tile_is_refused(style_networks, tile):
    transformer = transform.ImageTransformer(style_networks["default"])
    with pytest.raises(ValueError, match="`tile` must be auto, off, or"):
        transformer.stylize(_photo(8, 8), tile=tile)


def test_default_parts_shrink_with_width_and_filters(
    style_networks, enlarging_networks
):
    network = style_networks["default"]
    rows = [tiling.default_rows(network, 2**power) for power in (10, 13, 20)]
    assert rows == [256, 32, 32]
    small, large = [
        tiling.default_rows(enlarging_networks[factor, "paper"], 1000)
        for factor in (4, 8)
    ]
    assert 32 <= large < small
