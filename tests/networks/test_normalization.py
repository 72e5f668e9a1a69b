import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import formulation
from fastnst.networks import normalization


def _features(shape=(2, 5, 7, 3), seed=0, dtype=np.float64):
    generator = np.random.default_rng(seed)
    scale = generator.uniform(0.5, 20, shape[-1])
    return generator.normal(3.0, scale, shape).astype(dtype)


def _rows(batch=2, channels=3, dtype=np.float64):
    generator = np.random.default_rng(1)
    scale = generator.uniform(0.2, 2, [batch, channels])
    shift = generator.normal(0, 1, [batch, channels])
    return scale.astype(dtype), shift.astype(dtype)


def _plain(features, scale, shift):
    """Ulyanov et al. 2016 for each image and channel, automatic gradient."""
    mean, variance = tf.nn.moments(features, [1, 2], keepdims=True)
    normal = (features - mean) / tf.sqrt(variance + 1e-5)
    return scale[:, None, None] * normal + shift[:, None, None]


def _oracle(features, scale, shift):
    normalized = np.zeros_like(features)
    for image in range(len(features)):
        for channel in range(features.shape[-1]):
            x = features[image, ..., channel]
            deviation = np.sqrt(np.var(x) + 1e-5)
            normalized[image, ..., channel] = (
                scale[image, channel] * (x - np.mean(x)) / deviation
                + shift[image, channel]
            )
    return normalized


def _values_and_gradients(function, *inputs):
    inputs = [tf.constant(value) for value in inputs]
    upstream = np.random.default_rng(2).normal(size=inputs[0].shape)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        values = function(*inputs)
    upstream = tf.constant(upstream, values.dtype)
    return [values, *tape.gradient(values, inputs, upstream)]


def _layer(num_styles=1, kind="instance", channels=3, **kwargs):
    layer = normalization.ConditionalNormalization(kind, num_styles, **kwargs)
    layer.build((None, None, None, channels))
    generator = np.random.default_rng(3)
    layer.scale.assign(generator.uniform(0.2, 2, layer.scale.shape))
    layer.shift.assign(generator.normal(0, 1, layer.shift.shape))
    return layer


def test_instance_normalization_is_its_definition():
    features, (scale, shift) = _features(), _rows()
    actual = normalization.instance_normalization(
        tf.constant(features), tf.constant(scale), tf.constant(shift)
    )
    np.testing.assert_allclose(
        actual, _oracle(features, scale, shift), rtol=1e-8
    )


def test_the_form_for_litert_is_the_definition_too():
    features = _features()
    layer = _layer(dtype="float64")
    blend = tf.ones([2, 1], tf.float64)
    with formulation.for_litert():
        actual = layer(tf.constant(features), blend)
    rows = [np.repeat(row, 2, 0) for row in (layer.scale, layer.shift)]
    np.testing.assert_allclose(actual, _oracle(features, *rows), rtol=1e-8)


@pytest.mark.parametrize("shape", [(2, 5, 7, 3), (1, 1, 1, 3), (3, 2, 1, 3)])
def test_gradients_are_those_of_the_definition(shape):
    inputs = _features(shape), *_rows(shape[0])
    ours = _values_and_gradients(normalization.instance_normalization, *inputs)
    plain = _values_and_gradients(_plain, *inputs)
    for one, other in zip(ours, plain):
        size = np.linalg.norm(other)
        assert np.linalg.norm(one - other) <= 1e-8 * size + 1e-12


def test_float32_gradients_are_close_to_float64():
    inputs = _features((2, 33, 31, 3)), *_rows()
    exact = _values_and_gradients(_plain, *inputs)
    rounded = _values_and_gradients(
        normalization.instance_normalization,
        *(value.astype(np.float32) for value in inputs),
    )
    for one, other in zip(rounded, exact):
        assert one.dtype == tf.float32
        difference = np.linalg.norm(np.subtract(one, other))
        assert difference <= 1e-3 * np.linalg.norm(other)


def test_shapes_unknown_when_traced():
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3], tf.float64),
            tf.TensorSpec([None, 3], tf.float64),
            tf.TensorSpec([None, 3], tf.float64),
        ]
    )
    def traced(*inputs):
        return squares(normalization.instance_normalization, inputs)

    def squares(function, inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            values = tf.square(function(*inputs))
        return [values, *tape.gradient(values, inputs)]

    inputs = [tf.constant(value) for value in (_features(), *_rows())]
    for one, other in zip(traced(*inputs), squares(_plain, inputs)):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10)


def test_statistics_stay_exact_where_the_mean_is_large():
    features = _features((1, 16, 16, 3), dtype=np.float32) + 1000
    scale, shift = _rows(1, dtype=np.float32)
    np.testing.assert_allclose(
        normalization.instance_normalization(
            tf.constant(features), tf.constant(scale), tf.constant(shift)
        ),
        _oracle(features.astype(np.float64), scale, shift),
        atol=2e-3,
    )


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "dtype, tolerance", [("float32", 1e-5), ("mixed_bfloat16", 2e-2)]
)
def test_a_known_batch_is_normalized_image_by_image(batch, dtype, tolerance):
    layer = _layer(num_styles=2, dtype=dtype)
    features = tf.cast(_features((batch, 9, 6, 3)), layer.compute_dtype)
    blend = np.array([[0.25, 0.75], [1, 0], [0.5, 0.5]])[:batch]

    def plain(features, scales, shifts):
        return _plain(features, blend @ scales, blend @ shifts)

    variables = [layer.scale.value, layer.shift.value]
    exact = _values_and_gradients(
        plain, *(np.float64(value) for value in (features, *variables))
    )
    upstream = np.random.default_rng(2).normal(size=features.shape)
    with tf.GradientTape() as tape:
        tape.watch(features)
        values = layer(features, tf.constant(blend, tf.float32), training=True)
    gradients = tape.gradient(
        values, [features, *variables], tf.cast(upstream, values.dtype)
    )
    assert values.dtype == layer.compute_dtype
    for one, other in zip([values, *gradients], exact):
        difference = np.linalg.norm(np.float64(one) - other)
        assert difference <= tolerance * np.linalg.norm(other)


def test_a_blend_picks_and_mixes_rows():
    layer = _layer(num_styles=3)
    features = _features((4, 5, 6, 3), dtype=np.float32)
    blend = np.array(
        [[1, 0, 0], [0, 0, 1], [0.5, 0.5, 0], [0.2, 0.3, 0.5]], np.float32
    )
    expected = _oracle(
        features.astype(np.float64),
        blend @ layer.scale.value.numpy(),
        blend @ layer.shift.value.numpy(),
    )
    np.testing.assert_allclose(layer(features, blend), expected, atol=1e-4)


@pytest.mark.parametrize("kind", normalization.KINDS)
def test_one_style_is_the_ordinary_normalization(kind):
    layer = normalization.ConditionalNormalization(kind, 1)
    layer.build((None, None, None, 3))
    normalized = layer(
        _features(dtype=np.float32), tf.ones([2, 1]), training=True
    )
    axes = (1, 2) if kind == "instance" else (0, 1, 2)
    np.testing.assert_allclose(np.mean(normalized, axes), 0, atol=1e-5)
    np.testing.assert_allclose(np.std(normalized, axes), 1, atol=1e-4)


def test_batch_normalization_momentum_and_epsilon():
    layer = _layer(kind="batch", channels=3)
    blend = tf.ones([2, 1])
    first = _features(dtype=np.float32)
    second = _features(seed=5, dtype=np.float32) * 2
    mean, variance = np.zeros(3), np.ones(3)
    for features in (first, second):
        layer(features, blend, training=True)
        mean = 0.9 * mean + 0.1 * np.mean(features, (0, 1, 2))
        variance = 0.9 * variance + 0.1 * np.var(features, (0, 1, 2))
    scale, shift = [row.value.numpy()[0] for row in (layer.scale, layer.shift)]
    expected = scale * (first - mean) / np.sqrt(variance + 1e-5) + shift
    np.testing.assert_allclose(layer(first, blend), expected, atol=1e-4)
    # Epsilon is what divides a channel that is constant.
    flat = tf.ones([2, 4, 4, 3]) * [[[[1e-3]]], [[[-1e-3]]]]
    np.testing.assert_allclose(
        layer(flat, blend, training=True)[0, 0, 0],
        scale * 1e-3 / np.sqrt(1e-6 + 1e-5) + shift,
        rtol=1e-4,
    )


def test_batch_normalization_is_synchronized_between_replicas():
    assert not _layer(kind="batch").batch_norm.synchronized

    class TwoReplicas:
        num_replicas_in_sync = 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.distribute, "get_strategy", TwoReplicas)
        assert _layer(kind="batch").batch_norm.synchronized


@pytest.mark.parametrize("kind", normalization.KINDS)
def test_bfloat16_keeps_statistics_in_float32(kind):
    # In bfloat16 256 + 1 is 256: a mean or variance taken there would be
    # wrong by far more than the rounding of the result.
    generator = np.random.default_rng(4)
    features = generator.integers(0, 2, [2, 32, 32, 3]) * 2.0 + 252
    layer = _layer(kind=kind, dtype="mixed_bfloat16")
    assert layer.scale.dtype == layer.shift.dtype == "float32"
    normalized = layer(
        tf.cast(features, tf.bfloat16), tf.ones([2, 1]), training=True
    )
    assert normalized.dtype == tf.bfloat16
    axes = (1, 2) if kind == "instance" else (0, 1, 2)
    mean = features.mean(axes, keepdims=True)
    deviation = np.sqrt(features.var(axes, keepdims=True) + 1e-5)
    scale, shift = [row.value.numpy()[0] for row in (layer.scale, layer.shift)]
    np.testing.assert_allclose(
        tf.cast(normalized, tf.float32),
        scale * (features - mean) / deviation + shift,
        atol=0.03,
    )


def test_blends_are_not_rounded_to_bfloat16():
    layer = _layer(num_styles=2, dtype="mixed_bfloat16")
    layer.scale.assign([[0.0] * 3, [0.0] * 3])
    layer.shift.assign([[0.0] * 3, [256.0] * 3])
    blend = tf.constant([[1 - 1 / 1024, 1 / 1024]])
    normalized = layer(tf.zeros([1, 2, 2, 3], tf.bfloat16), blend)
    np.testing.assert_array_equal(tf.cast(normalized, tf.float32), 0.25)


def test_configuration_round_trip():
    layer = _layer(num_styles=2, kind="batch")
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert (copy.kind, copy.num_styles) == ("batch", 2)


def test_unknown_kind_is_named():
    with pytest.raises(ValueError, match="instance, batch.*kind='group'"):
        normalization.ConditionalNormalization("group")
