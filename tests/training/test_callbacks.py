"""What happens between steps: stops, checkpoints, the progress bar."""

import os
import signal
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from fastnst.training import callbacks
from fastnst.training import stop_signals


def _at(trainer, step):
    """Gives the trainer a state that tells its step."""
    trainer.optimizer.iterations.assign(step)
    trainer.data_position.assign(10 * step)
    trainer.usual_gradient_norm.assign(0.5 * step)
    kernel = trainer.transform_network.mix.kernel
    kernel.assign(np.full(kernel.shape, step))


def _step(trainer):
    """Returns the step that all parts of the state agree on."""
    step = int(trainer.optimizer.iterations.numpy())
    assert int(trainer.data_position.numpy()) == 10 * step
    assert float(trainer.usual_gradient_norm.numpy()) == 0.5 * step
    kernel = np.asarray(trainer.transform_network.mix.kernel)
    np.testing.assert_array_equal(kernel, step)
    return step


@pytest.fixture
def saved(tiny, tmp_path):
    """A directory with checkpoints of steps 2 and 4, and a new trainer."""
    trainer = tiny.trainer()
    checkpoints = callbacks.Checkpoints(trainer, str(tmp_path), 2)
    for step in (2, 4):
        _at(trainer, step)
        checkpoints.save()
    return tmp_path, tiny.trainer()


def test_checkpoints_come_every_so_many_steps_and_two_are_kept(
    tiny, tmp_path
):
    trainer = tiny.trainer()
    checkpoints = callbacks.Checkpoints(trainer, str(tmp_path), 3)
    assert checkpoints.restore() == 0
    for step in range(1, 11):
        _at(trainer, step)
        checkpoints.on_train_batch_end(0)
    found = sorted(path.name for path in tmp_path.glob("*.index"))
    assert found == ["ckpt-6.index", "ckpt-9.index"]


def test_the_layout_of_checkpoints_does_not_change(saved):
    directory, _ = saved
    reader = tf.train.load_checkpoint(str(directory / "ckpt-4"))
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
        reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
    )
    names = {child.local_name for child in graph.nodes[0].children}
    assert names - {"save_counter"} == {
        "transform_network",
        "optimizer",
        "data_position",
        "usual_gradient_norm",
    }


def test_the_newest_state_is_restored(saved):
    directory, trainer = saved
    assert callbacks.Checkpoints(trainer, str(directory), 2).restore() == 4
    assert _step(trainer) == 4


def test_moving_averages_of_the_residual_blocks_are_restored(
    tmp_path, style_trainer
):
    trainer = style_trainer("paper")
    network = trainer.transform_network
    for index, variable in enumerate(network.non_trainable_variables):
        variable.assign(np.full(variable.shape, index + 0.5))
    callbacks.Checkpoints(trainer, str(tmp_path), 1).save()
    before = [variable.numpy() for variable in network.variables]
    for variable in network.variables:
        variable.assign(np.zeros(variable.shape))
    callbacks.Checkpoints(trainer, str(tmp_path), 1).restore()
    # Two averages of each batch normalization: 15 in Table 1.
    assert len(network.non_trainable_variables) >= 30
    for variable, value in zip(network.variables, before):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    ("suffix", "kept"),
    [
        ("data-00000-of-00001", 0.5),
        ("data-00000-of-00001", 0),
        ("data-00000-of-00001", None),
        ("index", 0.5),
        ("index", 0),
        ("index", None),
    ],
)
def test_of_a_damaged_checkpoint_the_one_before_is_taken(saved, suffix, kept):
    directory, trainer = saved
    path = directory / f"ckpt-4.{suffix}"
    if kept is None:
        path.unlink()
    else:
        os.truncate(path, int(kept * path.stat().st_size))
    checkpoints = callbacks.Checkpoints(trainer, str(directory), 2)
    assert checkpoints.restore() == 2
    assert _step(trainer) == 2
    # The damaged one is written again when its step is done.
    _at(trainer, 4)
    checkpoints.on_train_batch_end(0)
    _at(trainer, 0)
    assert callbacks.Checkpoints(trainer, str(directory), 2).restore() == 4
    assert _step(trainer) == 4


def test_all_checkpoints_damaged_is_no_new_start(saved):
    directory, trainer = saved
    for path in directory.glob("*.index"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"{directory}.*--workdir"):
        callbacks.Checkpoints(trainer, str(directory), 2).restore()


def test_the_list_of_checkpoints_may_be_lost(saved):
    directory, trainer = saved
    (directory / "checkpoint").write_text("model_ch")
    assert callbacks.Checkpoints(trainer, str(directory), 2).restore() == 4


def test_the_state_of_another_network_is_refused(saved, tiny):
    directory, _ = saved
    trainer = tiny.trainer(use_bias=False)
    with pytest.raises(ValueError, match="another network"):
        callbacks.Checkpoints(trainer, str(directory), 2).restore()


def test_a_full_disk_keeps_the_last_checkpoint(saved, full_disk):
    directory, trainer = saved
    checkpoints = callbacks.Checkpoints(trainer, str(directory), 2)
    checkpoints.restore()
    _at(trainer, 6)
    with pytest.raises(OSError) as caught, full_disk(100):
        checkpoints.save()
    message = str(caught.value)
    assert "step 6" in message and "File too large." in message
    assert "\n" not in message and "{{" not in message
    again = callbacks.Checkpoints(trainer, str(directory), 2)
    assert again.restore() == _step(trainer) == 4
    # Nothing half written is left.
    assert {path.name.split(".")[0] for path in directory.iterdir()} == {
        "checkpoint",
        "ckpt-2",
        "ckpt-4",
    }


@pytest.mark.parametrize(
    ("logs", "named"),
    [
        ({"loss": np.nan, "gradient_norm": np.nan, "content": np.nan},
         "content is nan"),
        ({"loss": 1.0, "gradient_norm": np.inf, "content": 1.0},
         "gradient_norm is inf"),
        ({"loss": np.inf, "gradient_norm": 1.0, "content": 1.0},
         "loss is inf"),
    ],
)
def test_the_term_that_is_not_finite_is_named(tiny, logs, named):
    guard = callbacks.StopOnNotFinite()
    guard.set_model(tiny.trainer())
    guard.model.optimizer.iterations.assign(7)
    arrays = {name: np.full([1], value) for name, value in logs.items()}
    with pytest.raises(callbacks.NotFiniteError, match=f"^{named} at step 7"):
        guard.on_train_batch_end(0, arrays)
    guard.on_train_batch_end(0, {name: np.ones([1]) for name in logs})


def test_a_signal_stops_after_the_step(tiny):
    with stop_signals.StopSignals("step") as signals:
        stop = callbacks.StopOnSignal(signals)
        stop.set_model(tiny.trainer())
        stop.model.stop_training = False
        stop.on_train_batch_end(0)
        assert not stop.model.stop_training
        os.kill(os.getpid(), signal.SIGTERM)
        stop.on_train_batch_end(1)
        assert stop.model.stop_training


def _progress(tiny, monkeypatch, costs, seconds):
    """Runs a progress bar over steps that end at these seconds."""
    bar = callbacks.ProgressBar(np.asarray(costs, float), batch_size=4)
    bar.set_model(tiny.trainer())
    for step, second in seconds:
        monkeypatch.setattr(callbacks.time, "monotonic", lambda s=second: s)
        bar.model.optimizer.iterations.assign(step)
        bar.on_train_batch_end(0, {"loss": np.full([1], 12345.0)})


def test_the_time_left_is_that_of_the_cost_left(tiny, monkeypatch, capsys):
    # Ten steps of cost 1, ten of cost 4: after five of the first, with 2 s
    # each, 5 + 40 are left.
    seconds = [(1, 0.0), (6, 10.0), (11, 40.0)]
    _progress(tiny, monkeypatch, [1] * 11 + [4] * 10, seconds)
    # Without a terminal there is a line every 30 seconds.
    assert capsys.readouterr().out.splitlines() == [
        "step 1/21  loss 1.234e+04",
        "step 11/21  loss 1.234e+04  1.00 images/s  0:02:40 left",
    ]


def test_the_last_step_is_always_printed(tiny, monkeypatch, capsys):
    _progress(tiny, monkeypatch, [1] * 3, [(1, 0.0), (2, 1.0), (3, 2.0)])
    assert capsys.readouterr().out.splitlines()[-1] == (
        "step 3/3  loss 1.234e+04  4.00 images/s  0:00:00 left"
    )


def test_nobody_has_to_read_the_progress(tiny, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    _progress(tiny, monkeypatch, [1, 1], [(1, 0.0), (2, 1.0)])
    read, write = os.pipe()
    os.close(read)
    closed = os.fdopen(write, "w")
    monkeypatch.setattr(sys, "stdout", closed)
    _progress(tiny, monkeypatch, [1, 1], [(1, 0.0), (2, 1.0)])
    with pytest.raises(BrokenPipeError):
        closed.close()
