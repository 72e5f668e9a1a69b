import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import formulation
from fastnst.networks import padding


def _images(height, width, batch=2, channels=2):
    generator = np.random.default_rng(height * 100 + width)
    return generator.uniform(0, 255, [batch, height, width, channels])


def _reflected(images, before, after):
    """numpy.pad; before and after are (rows, columns)."""
    pads = [(0, 0), *zip(before, after), (0, 0)]
    return np.pad(images, pads, mode="reflect")


_SIZES = [
    (height, width, margin)
    for margin in (1, 2, 4)
    for height, width in [
        (margin + 1, margin + 1),  # the smallest legal
        (margin + 1, 3 * margin + 4),
        (2 * margin + 1, 2 * margin + 2),  # frames overlap, and just do not
        (2 * margin + 3, 13),
    ]
]


@pytest.mark.parametrize("height, width, margin", _SIZES)
def test_reflection_padding_is_numpys(height, width, margin):
    images = _images(height, width)
    expected = _reflected(images, (margin, margin), (margin, margin))
    np.testing.assert_array_equal(
        padding.reflection_padding(tf.constant(images), margin), expected
    )
    with formulation.for_litert():
        sliced = padding.reflection_padding(tf.constant(images), margin)
    np.testing.assert_array_equal(sliced, expected)


@pytest.mark.parametrize("height, width, margin", _SIZES)
def test_gradient_of_reflection_padding_is_that_of_tf_pad(
    height, width, margin
):
    images = tf.constant(_images(height, width))
    upstream = _images(height + 2 * margin, width + 2 * margin)
    margins = [[0, 0], [margin, margin], [margin, margin], [0, 0]]

    def gradient(pad):
        with tf.GradientTape() as tape:
            tape.watch(images)
            padded = pad(images)
        return tape.gradient(padded, images, tf.constant(upstream))

    expected = gradient(lambda x: tf.pad(x, margins, mode="REFLECT"))
    ours = gradient(lambda x: padding.reflection_padding(x, margin))
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    with formulation.for_litert():
        sliced = gradient(lambda x: padding.reflection_padding(x, margin))
    np.testing.assert_allclose(sliced, expected, rtol=1e-12)


@pytest.mark.parametrize("margin", [1, 4])
@pytest.mark.parametrize(
    "known", [(None, None), (6, None), (None, 7)], ids=str
)
def test_reflection_padding_of_shapes_unknown_when_traced(margin, known):
    @tf.function(
        input_signature=[tf.TensorSpec([None, *known, 2], tf.float64)] * 2
        + [tf.TensorSpec([None, None, None, 2], tf.float64)]
    )
    def values_and_gradients(images, unused, upstream):
        del unused
        with tf.GradientTape() as tape:
            tape.watch(images)
            padded = padding.reflection_padding(images, margin)
        return padded, tape.gradient(padded, images, upstream)

    for height, width in [(6, 7), (margin + 1, 11), (9, margin + 1)]:
        height, width = known[0] or height, known[1] or width
        images = tf.constant(_images(height, width))
        upstream = tf.constant(_images(height + 2 * margin, width + 2 * margin))
        padded, gradient = values_and_gradients(images, images, upstream)
        both = (margin, margin)
        np.testing.assert_array_equal(padded, _reflected(images, both, both))
        with tf.GradientTape() as tape:
            tape.watch(images)
            plain = tf.pad(
                images, [[0, 0], [margin] * 2, [margin] * 2, [0, 0]], "REFLECT"
            )
        np.testing.assert_allclose(
            gradient, tape.gradient(plain, images, upstream), rtol=1e-12
        )


@pytest.mark.parametrize("known", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("size", [(1, 1), (1, 4), (5, 3), (2, 6)], ids=str)
def test_edge_padding_is_numpys_and_its_gradient_tensorflows(size, known):
    images = tf.constant(_images(*size))
    upstream = tf.constant(_images(size[0] + 2, size[1] + 2))
    margins = [[0, 0], [1, 1], [1, 1], [0, 0]]

    def values_and_gradients(pad, images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            padded = pad(images)
        return padded, tape.gradient(padded, images, upstream)

    spec = images.shape if known else [None, None, None, 2]
    traced = tf.function(
        lambda images: values_and_gradients(padding.edge_padding, images),
        input_signature=[tf.TensorSpec(spec, tf.float64)],
    )
    padded, gradient = traced(images)
    np.testing.assert_array_equal(padded, np.pad(images, margins, mode="edge"))
    _, expected = values_and_gradients(
        lambda images: tf.pad(images, margins, mode="SYMMETRIC"), images
    )
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def _missing(size, multiple, smallest):
    """The least addition that gives a legal side, found by trying."""
    return next(
        more
        for more in range(smallest + multiple)
        if (size + more) % multiple == 0 and size + more >= smallest
    )


@pytest.mark.parametrize(
    "multiple, smallest, frame", [(4, 8, 0), (4, 4, 40), (4, 16, 3), (2, 2, 0)]
)
def test_pictures_of_any_size_are_reflected_repeatedly(
    multiple, smallest, frame
):
    dynamic = tf.function(
        lambda images: padding.pad_to_multiple(
            images, multiple, smallest, frame
        ),
        input_signature=[tf.TensorSpec([None, None, None, 2], tf.float64)],
    )
    for height in range(1, 21):
        width = 21 - height if height % 3 else 1
        images = _images(height, width)
        expected = _reflected(
            images,
            (frame, frame),
            [
                frame + _missing(side, multiple, smallest)
                for side in (height, width)
            ],
        )
        static = padding.pad_to_multiple(
            tf.constant(images), multiple, smallest, frame
        )
        np.testing.assert_array_equal(static, expected)
        np.testing.assert_array_equal(dynamic(images), expected)
        with formulation.for_litert():
            sliced = padding.pad_to_multiple(
                tf.constant(images), multiple, smallest, frame
            )
        np.testing.assert_array_equal(sliced, expected)


def test_a_picture_that_fits_is_returned_as_it_is():
    images = tf.constant(_images(8, 12))
    assert padding.pad_to_multiple(images, 4, 8) is images


@pytest.mark.parametrize("margin", [1, 4, 40])
def test_xnnpack_takes_every_concatenation_for_litert(margin):
    """It takes five tensors at most, and each other one costs a thread."""
    images = tf.constant(_images(64, 48))
    with formulation.for_litert():
        graph = (
            tf.function(lambda: padding.reflection_padding(images, margin))
            .get_concrete_function()
            .graph
        )
        padded = padding.reflection_padding(images, margin)
    concatenations = [
        operation
        for operation in graph.get_operations()
        if operation.type == "ConcatV2"
    ]
    # The axis is an input, too.
    assert max(len(each.inputs) for each in concatenations) <= 5 + 1
    expected = _reflected(images.numpy(), (margin, margin), (margin, margin))
    np.testing.assert_array_equal(padded, expected)


def test_slices_are_used_inside_the_context_only():
    def operations():
        function = tf.function(lambda x: padding.reflection_padding(x, 4))
        spec = tf.TensorSpec([1, 16, 20, 3])
        graph = function.get_concrete_function(spec).graph
        return {operation.type for operation in graph.get_operations()}

    assert "GatherV2" in operations()
    with formulation.for_litert():
        assert formulation.is_for_litert()
        assert not operations() & {"GatherV2", "MirrorPad"}
    assert not formulation.is_for_litert()
    with pytest.raises(RuntimeError):
        with formulation.for_litert():
            raise RuntimeError
    assert not formulation.is_for_litert()
