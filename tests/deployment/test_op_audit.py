import keras
import pytest
import tensorflow as tf

from fastnst.deployment import noise
from fastnst.deployment import op_audit


def _file(function, shape=(1, 8, 8, 3), trackable=None):
    concrete = tf.function(function).get_concrete_function(
        tf.TensorSpec(shape, name="image")
    )
    with noise.silenced_stderr():
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [concrete], trackable
        )
        return converter.convert()


def _mirrored(images):
    paddings = [[0, 0], [1, 1], [1, 1], [0, 0]]
    return tf.tanh(tf.pad(images, paddings, mode="REFLECT"))


def test_operations_are_counted():
    file = _file(lambda images: tf.tanh(tf.tanh(images)) * 2.0)
    assert op_audit.audit(file) == {"TANH": 2, "MUL": 1}


def test_a_planted_mirror_pad_is_refused():
    with pytest.raises(ValueError, match="Received: MIRROR_PAD"):
        op_audit.audit(_file(_mirrored))


def test_a_file_without_weights_is_refused():
    """The converter leaves variables out that it cannot see, silently."""
    layer = keras.layers.Conv2D(2, 3)
    layer.build((None, None, None, 3))
    with pytest.raises(ValueError, match="no weights"):
        op_audit.audit(_file(lambda images: layer(images), trackable=layer))


def test_five_dimensions_are_refused():
    def folded(images):
        return tf.reshape(tf.tanh(images), [1, 4, 2, 8, 3])

    with pytest.raises(ValueError, match="of 5 dimensions"):
        op_audit.audit(_file(folded))


def test_sizes_are_computed_in_dynamic_files_only():
    def counted(images):
        rows = tf.cast(tf.range(tf.shape(images)[1]), tf.float32)
        return images + rows[None, :, None, None]

    file = _file(counted, shape=(1, None, 8, 3))
    assert op_audit.audit(file, dynamic=True)["RANGE"] == 1
    with pytest.raises(ValueError, match="Received:.*RANGE"):
        op_audit.audit(file)


def test_a_slice_that_drops_an_axis_is_refused():
    with pytest.raises(ValueError, match="shrink_axis_mask"):
        op_audit.audit(_file(lambda images: tf.tanh(images[:, 2])))
    kept = _file(lambda images: tf.tanh(images[:, 2:3, 1:]))
    assert "TANH" in op_audit.audit(kept)


def test_bfloat16_is_refused():
    def rounded(images):
        return tf.cast(tf.cast(images, tf.bfloat16), tf.float32)

    with pytest.raises(ValueError, match="BFLOAT16"):
        op_audit.audit(_file(rounded))
