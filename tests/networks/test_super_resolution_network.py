import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.data import low_resolution
from fastnst.networks import formulation
from fastnst.networks import super_resolution_network


def _network(factor=4, preset="default", width=0.25, seed=0, **kwargs):
    keras.utils.set_random_seed(seed)
    network = super_resolution_network.SuperResolutionNetwork(
        factor, preset, width, **kwargs
    )
    network.build()
    return network


def _shaken(network, seed=0):
    """Makes the added detail large enough to be seen in the output."""
    last = network.last.weights[0]
    values = np.random.default_rng(seed).normal(0, 0.02, last.shape)
    last.assign(values)
    return network


def _images(shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 255, shape).astype(np.float32)


_BOTH = pytest.mark.parametrize("preset", super_resolution_network.PRESETS)
_FACTORS = pytest.mark.parametrize("factor", super_resolution_network.FACTORS)


@pytest.mark.parametrize("factor, expected", [(4, 401859), (8, 438915)])
def test_paper_preset_has_the_papers_parameters(factor, expected):
    network = _network(factor, "paper", 1.0)
    assert sum(int(tf.size(w)) for w in network.trainable_weights) == expected


@pytest.mark.parametrize("factor, size", [(4, 72), (8, 36)])
def test_paper_preset_has_the_activations_of_table_2(factor, size):
    network = _network(factor, "paper", 1.0)
    graph = (
        tf.function(network)
        .get_concrete_function(tf.TensorSpec([1, size, size, 3]))
        .graph
    )
    shapes = [
        tuple(operation.outputs[0].shape[1:])
        for operation in graph.get_operations()
        if operation.type == "Relu"
    ]
    # First convolution, four blocks of one inner ReLU, the doublings.
    sizes = [size] * 5 + [288 // factor * 2**i for i in (1, 2, 3)]
    sizes = sizes[: 5 + (2 if factor == 4 else 3)]
    assert shapes == [(side, side, 64) for side in sizes]
    assert graph.structured_outputs.shape == (1, 288, 288, 3)


def _multiply_adds(network):
    """Counts per low-resolution pixel, from the kernels as stored."""
    is_paper = network.preset == "paper"
    doublings = [step.convolution.kernel for step in network.upsampling]
    # The default preset's bicubic enlargement is a 5x5 convolution.
    total = 0.0 if is_paper else 25 * 3 * 3 * network.factor**2
    scale = 1
    for weight in network.trainable_weights:
        if len(weight.shape) != 4:
            continue
        work = int(tf.size(weight)) * scale**2
        if any(weight is kernel for kernel in doublings):
            # Stride 1/2: each input pixel meets each entry once. Nearest
            # neighbor: four phases of 2x2 entries instead of 3x3.
            work *= 1 if is_paper else 16 / 9
            scale *= 2
        total += work
    return round(total)


@pytest.mark.parametrize(
    "factor, paper, default", [(4, 743616, 704464), (8, 2079936, 899840)]
)
def test_default_preset_needs_less_work_than_the_paper(factor, paper, default):
    assert _multiply_adds(_network(factor, "paper", 1.0)) == paper
    network = _network(factor, "default", 1.0)
    assert _multiply_adds(network) == default
    # The graph does what the count says, but for the margin of the doublings.
    side = 64
    graph = (
        tf.function(network)
        .get_concrete_function(tf.TensorSpec([1, side, side, 3]))
        .graph
    )
    counted = 0
    for operation in graph.get_operations():
        if operation.type == "Conv2D":
            kernel = operation.inputs[1].shape
            output = operation.outputs[0].shape
            counted += np.prod(kernel[:3]) * np.prod(output[1:])
    assert default <= counted / side**2 < 1.01 * default


@_BOTH
@_FACTORS
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 3), (7, 4)])
def test_any_size_is_multiplied_by_the_factor(factor, preset, size):
    network = _shaken(_network(factor, preset))
    images = _images((2, *size, 3))
    output = network(images)
    assert output.shape == (2, size[0] * factor, size[1] * factor, 3)
    assert output.dtype == tf.float32
    assert np.isfinite(output).all()
    assert np.min(output) >= 0 and np.max(output) <= 255
    dynamic = tf.function(network).get_concrete_function(
        tf.TensorSpec([None, None, None, 3])
    )
    np.testing.assert_allclose(dynamic(images), output, atol=2e-2)


@_FACTORS
def test_bicubic_upsampling_is_matlabs_away_from_the_border(factor):
    images = _images((2, 9, 11, 3))
    enlarged = super_resolution_network.bicubic_upsampling(
        tf.constant(images, tf.float64), factor
    )
    expected = low_resolution.upscale_bicubic(images, factor)
    inside = np.s_[:, 2 * factor : -2 * factor, 2 * factor : -2 * factor]
    np.testing.assert_allclose(enlarged[inside], expected[inside], atol=1e-4)
    # Up to the border where picture and mirror image are alike.
    flat = np.full((1, 1, 1, 3), 77.0)
    np.testing.assert_allclose(
        super_resolution_network.bicubic_upsampling(tf.constant(flat), factor),
        np.full((1, factor, factor, 3), 77.0),
        rtol=1e-6,
    )


@_FACTORS
def test_default_preset_starts_at_bicubic(factor):
    images = _images((1, 16, 16, 3))
    output = _network(factor, width=1.0)(images, training=True)
    bicubic = super_resolution_network.bicubic_upsampling(
        tf.constant(images), factor
    )
    difference = np.abs(output - bicubic)
    assert 0 < difference.mean() < 2


def test_default_preset_clips_in_use_only():
    edge = np.zeros((1, 8, 8, 3), np.float32)
    edge[:, :, 4:] = 255
    network = _network()
    free, clipped = network(edge, training=True), network(edge)
    assert np.min(free) < -1 and np.max(free) > 256
    np.testing.assert_allclose(clipped, np.clip(free, 0, 255), atol=1e-3)


@_BOTH
def test_gradients_reach_every_weight(preset):
    network = _shaken(_network(8, preset))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(network(_images((2, 6, 6, 3)), training=True))
    gradients = tape.gradient(loss, network.trainable_weights)
    for weight, gradient in zip(network.trainable_weights, gradients):
        # Batch normalization takes the bias before it away again.
        if preset == "paper" and weight.name == "bias":
            continue
        assert np.abs(gradient).max() > 0, weight.path


@_BOTH
def test_compiles_under_xla_with_its_gradient(preset):
    network = _shaken(_network(4, preset))
    images = tf.constant(_images((2, 6, 8, 3)))

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(network(images, training=True) ** 2)
        return tape.gradient(loss, network.trainable_weights[0])

    plain, compiled = gradients(), tf.function(gradients, jit_compile=True)()
    np.testing.assert_allclose(
        compiled, plain, atol=2e-3 * np.abs(plain).max()
    )


@_BOTH
def test_batch_statistics_are_used_in_training_only(preset):
    network = _shaken(_network(4, preset))
    images = _images((2, 6, 6, 3))
    before = network(images)
    network(images, training=True)
    moved = np.abs(network(images) - before).max() > 1e-3
    assert moved == (preset == "paper")


@_BOTH
def test_bfloat16_stays_close_and_keeps_eight_bits(preset):
    images = _images((1, 12, 12, 3))
    exact = _shaken(_network(4, preset))
    rounded = _shaken(_network(4, preset, dtype="mixed_bfloat16"))
    rounded.set_weights(exact.get_weights())
    output = rounded(images)
    assert output.dtype == tf.float32
    difference = np.abs(output - exact(images))
    assert 0 < difference.mean() < 1
    if preset == "default":
        # Without added detail nothing is rounded at all.
        for network in (exact, rounded):
            network.last.kernel.assign(tf.zeros_like(network.last.kernel))
        np.testing.assert_array_equal(rounded(images), exact(images))


@_BOTH
def test_float64_differs_by_rounding_only(preset):
    images = _images((1, 6, 7, 3))
    single = _shaken(_network(4, preset))
    double = _network(4, preset, dtype="float64")
    double.set_weights(single.get_weights())
    output = double(images)
    assert output.dtype == tf.float64
    np.testing.assert_allclose(output, single(images), atol=5e-3)


@_BOTH
def test_saved_network_computes_the_same(tmp_path, preset):
    network = _shaken(_network(8, preset, 0.5))
    images = _images((1, 5, 6, 3))
    network(images, training=True)  # moves the batch statistics
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert (loaded.task, loaded.factor) == ("super_resolution", 8)
    assert (loaded.preset, loaded.width) == (preset, 0.5)
    np.testing.assert_array_equal(loaded(images), network(images))


@_BOTH
def test_converts_to_tflite(tmp_path, preset):
    from ai_edge_litert.interpreter import Interpreter

    network = _shaken(_network(4, preset))
    archive = keras.export.ExportArchive()
    archive.track(network)
    with formulation.for_litert():
        archive.add_endpoint(
            "serving_default",
            network,
            [tf.TensorSpec([1, 10, 7, 3], name="image")],
        )
    archive.write_out(tmp_path / "saved_model", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(tmp_path / "saved_model")
    )
    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    images = _images((1, 10, 7, 3))
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()
    output = interpreter.get_tensor(
        interpreter.get_output_details()[0]["index"]
    )
    np.testing.assert_allclose(output, network(images), atol=5e-3)


def test_uint8_images_are_taken_as_they_are():
    network = _shaken(_network())
    images = _images((1, 5, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(
        network(images), network(images.astype(np.float32))
    )


def test_bad_arguments_are_named():
    make = super_resolution_network.SuperResolutionNetwork
    with pytest.raises(ValueError, match="one of 4, 8.*factor=3"):
        make(3)
    with pytest.raises(ValueError, match="default, paper.*'fast'"):
        make(4, "fast")
    with pytest.raises(ValueError, match="width=0"):
        make(4, width=0)
