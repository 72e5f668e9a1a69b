"""Any size and number of pictures in; the same pixels whatever the way."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_networks

from fastnst.inference import transform
from fastnst.networks import saved_networks
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network

_STYLES = ("wave", "mosaic")


def _randomized(network):
    """Gives every style its own look, as training does."""
    keras.utils.set_random_seed(5)
    network.build((None, None, None, 3))
    tiny_networks.make_styles_differ(network)
    return network


@pytest.fixture(scope="module")
def network():
    return _randomized(
        style_transfer_network.StyleTransferNetwork(
            width=0.125, style_names=_STYLES
        )
    )


@pytest.fixture(scope="module")
def enlarging():
    return _randomized(
        super_resolution_network.SuperResolutionNetwork(width=0.125)
    )


@pytest.fixture(scope="module")
def transformer(network):
    return transform.ImageTransformer(network)


def _photo(height=19, width=26, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_pixels_are_those_of_the_network(network, transformer):
    photo = _photo().astype(np.float32)
    # Another way through the network: eager, and a batch of two.
    expected = network(np.stack([photo, photo[::-1]])).numpy()
    found = transformer.transform(photo)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[0], atol=0.01)


def test_uint8_is_the_rounded_result(transformer):
    photo = _photo()
    found = transformer.stylize(photo)
    assert found.dtype == np.uint8
    exact = transformer.stylize(photo.astype(np.float64))
    np.testing.assert_array_equal(found, np.rint(exact))


class ScalingNetwork(keras.Model):
    """Returns its input times a number: a network whose rounding is known."""

    task = "style_transfer"
    factor = 1
    style_names = ("only",)

    def __init__(self, gain):
        super().__init__()
        self.gain = gain

    def call(self, images, style_blend=None, training=False):
        return images * self.gain


def test_halves_round_to_even_and_the_range_is_clipped():
    photo = np.array([[[1, 3, 5]]], np.uint8)
    halves = transform.ImageTransformer(ScalingNetwork(0.5)).transform(photo)
    assert halves.tolist() == [[[0, 2, 2]]]
    photo = np.array([[[0, 100, 200]]], np.uint8)
    clipped = transform.ImageTransformer(ScalingNetwork(1.5)).transform(photo)
    assert clipped.tolist() == [[[0, 150, 255]]]
    negative = transform.ImageTransformer(ScalingNetwork(-1.0)).transform(photo)
    assert negative.tolist() == [[[0, 0, 0]]]


def test_a_batch_is_its_pictures(transformer):
    batch = np.stack([_photo(seed=seed) for seed in range(3)])
    found = transformer.stylize(batch)
    assert found.shape == batch.shape
    for picture, result in zip(batch, found):
        np.testing.assert_array_equal(transformer.stylize(picture), result)
    assert transformer.stylize(batch[:0]).shape == (0, 19, 26, 3)


@pytest.mark.parametrize(
    "images",
    [
        tf.constant(_photo()),
        _photo()[::-1][::-1],
        np.asfortranarray(_photo()),
    ],
    ids=["tensor", "view", "fortran"],
)
def test_every_kind_of_array_is_the_same_picture(transformer, images):
    np.testing.assert_array_equal(
        transformer.stylize(images), transformer.stylize(_photo())
    )


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float64])
def test_floats_of_any_kind_give_float32(transformer, dtype):
    # Even numbers to 255 are exact in bfloat16.
    photo = _photo() // 2 * 2
    found = transformer.stylize(tf.cast(photo, dtype))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.rint(found), transformer.stylize(photo))


@pytest.mark.parametrize(
    "size",
    [(1, 1), (1, 40), (40, 1), (2, 3), (3, 1000), (255, 257), (4096, 16)],
)
def test_any_size_comes_back(transformer, size):
    found = transformer.stylize(_photo(*size))
    assert found.shape == (*size, 3)


def test_a_super_resolution_network_enlarges(enlarging):
    transformer = transform.ImageTransformer(enlarging)
    photo = _photo(5, 7)
    found = transformer.upscale(photo)
    assert (found.shape, found.dtype) == ((20, 28, 3), np.uint8)
    expected = enlarging(photo[None].astype(np.float32))[0]
    np.testing.assert_allclose(found, expected, atol=0.51)
    assert transformer.upscale(photo[None][:0]).shape == (0, 20, 28, 3)


def test_a_network_of_the_wrong_task_is_refused_by_name(
    network, enlarging, tmp_path
):
    saved_networks.save(enlarging, tmp_path / "sharp.keras", {"steps": 7})
    sharp = transform.ImageTransformer.load(tmp_path / "sharp.keras")
    assert sharp.card == {"steps": 7}
    with pytest.raises(ValueError, match="sharp.keras.*super_resolution"):
        sharp.stylize(_photo())
    with pytest.raises(ValueError, match="style_transfer network"):
        transform.ImageTransformer(network).upscale(_photo())
    with pytest.raises(ValueError, match="has no styles"):
        sharp.transform(_photo(), style="wave")


def test_only_the_last_sizes_are_kept(network, monkeypatch):
    traces = []
    transformer = transform.ImageTransformer(network)
    monkeypatch.setattr(
        type(network),
        "call",
        _recorded(type(network).call, traces),
    )
    for _ in range(2):
        for side in range(1, 9):
            transformer.stylize(_photo(side, 4))
    assert traces == [(1, side, 4, 3) for side in range(1, 9)]
    transformer.stylize(_photo(9, 4))
    transformer.stylize(_photo(8, 4))
    assert len(traces) == 9
    transformer.stylize(_photo(1, 4))
    assert len(traces) == 10


def _recorded(call, traces):
    def recorded(self, images, style_blend=None, training=False):
        traces.append(tuple(images.shape))
        return call(self, images, style_blend, training)

    return recorded


def test_later_weights_of_the_network_show(network):
    twin = _randomized(type(network).from_config(network.get_config()))
    transformer = transform.ImageTransformer(twin)
    before = transformer.stylize(_photo())
    twin.set_weights([0.5 * weight for weight in twin.get_weights()])
    assert np.any(transformer.stylize(_photo()) != before)


def test_bfloat16_is_close_and_leaves_the_network_alone(network, transformer):
    fast = transform.ImageTransformer(network, "bfloat16")
    assert network.compute_dtype == "float32"
    photo = _photo(40, 40).astype(np.float32)
    difference = np.abs(fast.stylize(photo) - transformer.stylize(photo))
    assert 0 < difference.mean() < 3
    with pytest.raises(ValueError, match="float32, bfloat16"):
        transform.ImageTransformer(network, "float16")


def test_a_network_that_computes_in_bfloat16_is_run_in_float32(network):
    low = saved_networks.with_dtype_policy(network, "mixed_bfloat16")
    np.testing.assert_array_equal(
        transform.ImageTransformer(low).stylize(_photo()),
        transform.ImageTransformer(network).stylize(_photo()),
    )


def test_styles_by_name_and_blend(network, transformer):
    photo = _photo().astype(np.float32)
    first, second = [transformer.stylize(photo, name) for name in _STYLES]
    assert np.abs(first - second).mean() > 1
    assert transformer.style_names == _STYLES
    np.testing.assert_array_equal(transformer.stylize(photo), first)
    for blend in ("wave:0.25,mosaic:0.75", "mosaic:.75, wave:.25"):
        found = transformer.stylize(photo, blend)
        expected = network(photo[None], style_blend=np.array([[0.25, 0.75]]))
        np.testing.assert_allclose(found, expected[0], atol=0.01)
    np.testing.assert_array_equal(
        transformer.stylize(photo, (0, 1)), second
    )
    np.testing.assert_array_equal(
        transformer.stylize(photo, np.array([[1.0, 0.0]])), first
    )


def test_weights_are_made_to_sum_to_one(transformer):
    assert transformer.style_weights(None) is None
    assert transformer.style_weights("mosaic") == (0.0, 1.0)
    weights = transformer.style_weights("wave:0.33,mosaic:0.66")
    assert sum(weights) == pytest.approx(1, abs=1e-12)
    assert weights[1] == pytest.approx(2 / 3)
    assert transformer.style_weights(weights) == pytest.approx(weights)


@pytest.mark.parametrize(
    "style",
    [
        "",
        "cubism",
        "wave:0.5",  # Half of a style is not what a blend can give.
        "wave,mosaic",
        "wave:0.6,mosaic",
        "wave:0.6,mosaic:much",
        "wave:nan,mosaic:1",
        "wave:2,mosaic:-1",
        "wave:0.6;mosaic:0.4",
        (1.0,),
        (0.4, 0.3, 0.3),
        (float("inf"), 0.0),
        object(),
    ],
)
def test_a_style_that_is_none_is_refused(transformer, style):
    with pytest.raises(ValueError, match="`style` must .*Received: style="):
        transformer.stylize(_photo(), style)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (np.zeros([4, 4], np.uint8), "(height, width, 3)"),
        (np.zeros([4, 4, 4], np.uint8), "(height, width, 3)"),
        (np.zeros([4, 4, 1], np.uint8), "(height, width, 3)"),
        (np.zeros([1, 1, 4, 4, 3], np.uint8), "(height, width, 3)"),
        (np.zeros([0, 4, 3], np.uint8), "at least one pixel"),
        (np.zeros([2, 4, 0, 3], np.uint8), "at least one pixel"),
        (np.zeros([4, 4, 3], np.int64), "uint8, or floating"),
        (np.zeros([4, 4, 3], bool), "uint8, or floating"),
        (np.full([4, 4, 3], "a"), "uint8, or floating"),
        (np.full([4, 4, 3], None), "uint8, or floating"),
        (np.full([4, 4, 3], np.nan), "finite"),
    ],
)
def test_what_is_no_picture_is_refused(transformer, images, expected):
    with pytest.raises(ValueError) as raised:
        transformer.transform(images)
    assert expected in str(raised.value)
    assert "Received: " in str(raised.value)
