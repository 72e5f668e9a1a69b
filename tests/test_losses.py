import numpy as np
import pytest
import tensorflow as tf

from fastnst import losses


def _random(shape, seed=0, scale=1.0):
    return np.random.default_rng(seed).normal(0, scale, shape)


def _gram_oracle(features):
    """Eq. (3), entry by entry."""
    batch, height, width, channels = features.shape
    grams = np.zeros([batch, channels, channels])
    for image in range(batch):
        for row in range(height):
            for column in range(width):
                pixel = features[image, row, column]
                grams[image] += np.outer(pixel, pixel)
    return grams / (height * width * channels)


def _total_variation_oracle(images):
    batch, height, width, channels = images.shape
    sums = np.zeros(batch)
    for image in range(batch):
        for row in range(height):
            for column in range(width):
                here = images[image, row, column]
                if row + 1 < height:
                    below = images[image, row + 1, column]
                    sums[image] += np.sum((here - below) ** 2)
                if column + 1 < width:
                    right = images[image, row, column + 1]
                    sums[image] += np.sum((here - right) ** 2)
    return sums


def test_gram_matrix_of_ones_is_one_over_the_channels():
    for height, width, channels in [(1, 1, 1), (3, 5, 4), (8, 2, 7)]:
        grams = losses.gram_matrix(tf.ones([2, height, width, channels]))
        expected = np.full([2, channels, channels], 1 / channels)
        np.testing.assert_allclose(grams, expected, rtol=1e-6)


def test_gram_matrix_equals_its_sum():
    features = _random([2, 3, 5, 4])
    grams = losses.gram_matrix(tf.constant(features))
    assert grams.dtype == tf.float64
    np.testing.assert_allclose(grams, _gram_oracle(features), rtol=1e-12)


def test_gram_matrix_does_not_see_where_pixels_are():
    features = _random([2, 6, 4, 3])
    flat = features.reshape(2, 24, 3)
    shuffled = np.random.default_rng(1).permutation(flat, axis=1)
    np.testing.assert_allclose(
        losses.gram_matrix(tf.constant(shuffled.reshape(2, 3, 8, 3))),
        losses.gram_matrix(tf.constant(features)),
        rtol=1e-12,
    )


def test_gram_matrix_does_not_grow_with_the_image():
    features = _random([1, 4, 4, 3])
    tiled = np.tile(features, [1, 3, 2, 1])
    np.testing.assert_allclose(
        losses.gram_matrix(tf.constant(tiled)),
        losses.gram_matrix(tf.constant(features)),
        rtol=1e-12,
    )


def test_gradient_of_the_gram_matrix_is_that_of_the_plain_formula():
    features = tf.constant(_random([2, 3, 5, 4]))
    # Not symmetric, as a custom gradient must allow.
    upstream = tf.constant(_random([2, 4, 4], seed=1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        actual = losses.gram_matrix(features)
        plain = tf.einsum("bhwc,bhwd->bcd", features, features) / (3 * 5 * 4)
    np.testing.assert_allclose(
        tape.gradient(actual, features, upstream),
        tape.gradient(plain, features, upstream),
        rtol=1e-10,
    )


def test_gram_matrix_takes_shapes_unknown_when_traced():
    traced = tf.function(
        losses.gram_matrix,
        input_signature=[tf.TensorSpec([None, None, None, 4], tf.float64)],
    )
    for shape in [(2, 3, 5, 4), (1, 7, 2, 4)]:
        features = _random(shape)
        np.testing.assert_allclose(
            traced(features), _gram_oracle(features), rtol=1e-12
        )


@pytest.mark.parametrize("shape", [(4, 4, 3), (4, 3), (1, 2, 4, 4, 3)])
def test_gram_matrix_refuses_what_is_not_a_batch_of_features(shape):
    with pytest.raises(ValueError, match="batch, height.*Received: shape"):
        losses.gram_matrix(tf.zeros(shape))


@pytest.mark.parametrize(
    "loss", [losses.feature_reconstruction_loss, losses.pixel_loss]
)
def test_distances_are_sums_of_squares_over_the_size(loss):
    values, targets = _random([3, 4, 5, 6]), _random([3, 4, 5, 6], seed=1)
    expected = [
        np.linalg.norm((value - target).ravel()) ** 2 / (4 * 5 * 6)
        for value, target in zip(values, targets)
    ]
    np.testing.assert_allclose(
        loss(tf.constant(values), tf.constant(targets)), expected, rtol=1e-12
    )
    assert loss(tf.ones([1, 9, 7, 2]), tf.fill([1, 9, 7, 2], 4.0)) == [9.0]


def test_style_reconstruction_is_the_squared_frobenius_norm():
    gram, target = _random([3, 4, 4]), _random([3, 4, 4], seed=1)
    expected = [
        np.linalg.norm(one - other, "fro") ** 2
        for one, other in zip(gram, target)
    ]
    actual = losses.style_reconstruction_loss(
        tf.constant(gram), tf.constant(target)
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-12)
    # A sum, not a mean: it grows with the number of entries.
    assert losses.style_reconstruction_loss(
        tf.zeros([1, 8, 8]), tf.fill([1, 8, 8], 0.5)
    ) == [16.0]


def test_one_style_target_serves_a_whole_batch():
    gram, target = _random([3, 4, 4]), _random([4, 4], seed=1)
    np.testing.assert_array_equal(
        losses.style_reconstruction_loss(tf.constant(gram), target),
        losses.style_reconstruction_loss(
            tf.constant(gram), np.stack([target] * 3)
        ),
    )


@pytest.mark.parametrize("height, width", [(2, 2), (4, 6), (5, 3), (1, 4)])
def test_total_variation_of_a_checkerboard(height, width):
    rows, columns = np.indices([height, width])
    board = np.where((rows + columns) % 2, 10.0, 0.0)
    images = np.stack([board] * 3, -1)[None]
    pairs = (height - 1) * width + height * (width - 1)
    assert losses.total_variation_loss(tf.constant(images)) == [
        pairs * 100.0 * 3
    ]


def test_total_variation_equals_its_sum():
    images = _random([2, 5, 4, 3], scale=50)
    np.testing.assert_allclose(
        losses.total_variation_loss(tf.constant(images)),
        _total_variation_oracle(images),
        rtol=1e-12,
    )


def test_total_variation_of_one_pixel_and_of_a_flat_image_is_zero():
    for shape in [(2, 1, 1, 3), (2, 6, 5, 3)]:
        flat = losses.total_variation_loss(tf.fill(shape, 123.0))
        np.testing.assert_array_equal(flat, [0, 0])


def _losses_of_images(images, targets):
    grams = [losses.gram_matrix(batch) for batch in (images, targets)]
    return {
        "feature": losses.feature_reconstruction_loss(images, targets),
        "pixel": losses.pixel_loss(images, targets),
        "style": losses.style_reconstruction_loss(*grams),
        "tv": losses.total_variation_loss(images),
    }


def test_losses_of_an_image_do_not_depend_on_the_batch():
    images = _random([4, 6, 5, 3], scale=60).astype(np.float32)
    targets = _random([4, 6, 5, 3], seed=1, scale=60).astype(np.float32)
    together = _losses_of_images(images, targets)
    for number in range(4):
        one = np.s_[number : number + 1]
        alone = _losses_of_images(images[one], targets[one])
        for name, values in together.items():
            assert values.shape == [4] and values.dtype == tf.float32
            np.testing.assert_allclose(values[one], alone[name], rtol=1e-6)
            # So the average over a doubled batch is the same.
    doubled = _losses_of_images(
        np.concatenate([images] * 2), np.concatenate([targets] * 2)
    )
    for name, values in together.items():
        np.testing.assert_allclose(
            tf.reduce_mean(doubled[name]), tf.reduce_mean(values), rtol=1e-6
        )


def test_an_image_has_no_distance_from_itself():
    images = _random([2, 4, 4, 3], scale=60)
    distances = _losses_of_images(tf.constant(images), tf.constant(images))
    for name in ("feature", "pixel", "style"):
        np.testing.assert_array_equal(distances[name], [0, 0])


def test_float32_losses_are_those_of_float64():
    images = _random([2, 16, 16, 3], scale=60)
    targets = _random([2, 16, 16, 3], seed=1, scale=60)
    exact = _losses_of_images(tf.constant(images), tf.constant(targets))
    rounded = _losses_of_images(
        tf.constant(images, tf.float32), tf.constant(targets, tf.float32)
    )
    for name, values in exact.items():
        np.testing.assert_allclose(rounded[name], values, rtol=1e-5)
