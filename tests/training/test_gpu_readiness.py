"""What can be known of a step on a GPU without one."""

import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.usefixtures("one_residual_block")
both_presets = pytest.mark.parametrize("preset", ["default", "paper"])

# Run on the processor whatever the device, wait for Python, or have a result
# whose size the processor must know before it goes on.
_HOST_OPS = {
    "Assert",
    "EagerPyFunc",
    "IteratorGetNext",
    "Print",
    "PrintV2",
    "PyFunc",
    "PyFuncStateless",
    "ReadFile",
    "StringFormat",
    "Unique",
    "UniqueV2",
    "Where",
}


def _op_types(function):
    """Returns the types of all operations, in functions that it calls too."""
    graph = function.graph.as_graph_def()
    nodes = [*graph.node]
    for inner in graph.library.function:
        nodes += inner.node_def
    return {node.op for node in nodes}


def _traced_step(trainer):
    size = (4, 16, 16, 3)
    return tf.function(trainer.train_step).get_concrete_function(
        (tf.TensorSpec(size, tf.float32), tf.TensorSpec([4], tf.int64))
    )


@both_presets
def test_a_step_never_waits_for_the_processor(
    style_trainer, preset
):
    trainer = style_trainer(preset, stability_weight=1.0)
    types = _op_types(_traced_step(trainer))
    assert {"Conv2D", "Conv2DBackpropFilter", "MatMul"} & types
    assert not types & _HOST_OPS


def test_an_operation_of_the_processor_is_seen():
    @tf.function
    def inner(images):
        return tf.numpy_function(np.negative, [images], tf.float32)

    @tf.function
    def outer(images):
        tf.print(images)
        return inner(images)

    function = outer.get_concrete_function(tf.TensorSpec([2], tf.float32))
    assert _op_types(function) & _HOST_OPS >= {"PyFunc", "PrintV2"}


@pytest.mark.slow
@both_presets
def test_bfloat16_is_compiled_and_learns(
    style_trainer, content_batches, preset
):
    trainer = style_trainer(preset, jit_compile=True, dtype="mixed_bfloat16")
    before = [np.array(w) for w in trainer.transform_network.weights]
    history = trainer.fit(content_batches(3), verbose=0, shuffle=False).history
    assert np.isfinite(history["loss"]).all()
    changed = [
        not np.array_equal(weight, np.asarray(now))
        for weight, now in zip(before, trainer.transform_network.weights)
    ]
    assert np.mean(changed) > 0.9
    assert {w.dtype for w in trainer.transform_network.weights} == {"float32"}
    assert {w.dtype for w in trainer.optimizer.variables[2:]} == {"float32"}


@pytest.mark.gpu
@pytest.mark.skipif(
    not tf.config.list_physical_devices("GPU"), reason="without a GPU"
)
def test_a_step_runs_on_the_gpu(style_trainer, content_batches):
    trainer = style_trainer(jit_compile=True, dtype="mixed_bfloat16")
    trainer.fit(content_batches(2), verbose=0, shuffle=False)
    for weight in trainer.transform_network.weights:
        assert "GPU" in weight.value.device
