"""A training that stops anywhere ends as one that was never stopped."""

import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.training import callbacks
from fastnst.training import run

_STAGES = [(8, 5), (12, 3)]


class _Count(keras.callbacks.Callback):
    """Notes what each step logged; does something in one of them."""

    def __init__(self, step=None, action=None):
        super().__init__()
        self.losses = {}
        self._when = (step, action)

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations.numpy())
        assert step not in self.losses
        self.losses[step] = float(logs["loss"][0])
        if step == self._when[0]:
            self._when[1]()


def _train(tiny, directory, every=2, *, batches=None, objective=None, **when):
    """Runs a training; returns trainer, result and the losses of its steps."""
    trainer = tiny.trainer(objective)
    count = _Count(**when)
    result = run.run(
        trainer,
        _STAGES,
        batches or tiny.batches,
        checkpoints=callbacks.Checkpoints(trainer, str(directory), every),
        callbacks=[count],
    )
    return trainer, result, count.losses


def _terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def _state(trainer):
    return [
        np.asarray(value)
        for value in (
            *trainer.transform_network.variables,
            *trainer.optimizer.variables,
            trainer.data_position,
            trainer.usual_gradient_norm,
        )
    ]


def _assert_same(trainer, expected):
    for found, value in zip(_state(trainer), expected, strict=True):
        np.testing.assert_array_equal(found, value)


@pytest.fixture(scope="module")
def uninterrupted(tiny, tmp_path_factory):
    """State and losses of the training that was never stopped."""
    directory = tmp_path_factory.mktemp("uninterrupted")
    trainer, result, losses = _train(tiny, directory)
    assert (result.step, result.finished, result.signal) == (8, True, None)
    assert list(losses) == list(range(1, 9))
    means = result.losses
    np.testing.assert_allclose(
        means["loss"], np.mean(list(losses.values())), rtol=1e-6
    )
    np.testing.assert_allclose(
        means["weighted_style_relu1_2"], 2 * means["style_relu1_2"], rtol=1e-6
    )
    return _state(trainer), losses, directory


class _Killed(BaseException):
    """What no code of ours catches."""


def test_killed_at_any_step_and_restarted(tiny, tmp_path, uninterrupted):
    state, losses, _ = uninterrupted

    def kill():
        raise _Killed

    # In the first and the second stage, and at the border.
    for step in (1, 5, 8):
        with pytest.raises(_Killed):
            _train(tiny, tmp_path / f"{step}", step=step, action=kill)
        trainer, result, again = _train(tiny, tmp_path / f"{step}")
        assert result.finished
        _assert_same(trainer, state)
        # No more than one `every` is computed again, and it is the same.
        assert min(again) == (step - 1) // 2 * 2 + 1
        assert again == {s: losses[s] for s in again}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 5])
def test_stopped_by_a_signal_and_continued(
    tiny, tmp_path, uninterrupted, number, step
):
    # Step 5 is the last of its stage: the next one must not begin.
    state, losses, _ = uninterrupted
    trainer, result, first = _train(
        tiny,
        tmp_path / "stopped",
        every=100,
        step=step,
        action=lambda: os.kill(os.getpid(), number),
    )
    assert (result.step, result.finished, result.signal) == (
        step,
        False,
        number,
    )
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    trainer, result, rest = _train(tiny, tmp_path / "stopped", every=100)
    assert result.finished
    _assert_same(trainer, state)
    assert {**first, **rest} == losses
    assert not set(first) & set(rest)


def test_a_signal_in_the_last_step_is_no_stop(tiny, tmp_path):
    _, result, _ = _train(
        tiny,
        tmp_path,
        step=8,
        action=_terminate,
    )
    assert result.finished


def test_a_finished_training_does_nothing(tiny, uninterrupted):
    trainer, result, losses = _train(tiny, uninterrupted[2])
    assert (result.step, result.finished, losses) == (8, True, {})
    assert result.losses == {}
    _assert_same(trainer, uninterrupted[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_term_that_is_not_finite_stops_and_keeps_the_last_state(
    tiny, tmp_path, uninterrupted, bad
):
    objective = tiny.objective()
    terms = objective.terms
    steps_done = []

    def poisoned(*arguments):
        result = terms(*arguments)
        style = result["style_relu1_2"]
        result["style_relu1_2"] = tf.where(steps_done[0] == 6, bad, style)
        return result

    objective.terms = poisoned
    trainer = tiny.trainer(objective)
    steps_done.append(trainer.optimizer.iterations.value)
    checkpoints = callbacks.Checkpoints(trainer, str(tmp_path / "bad"), 5)
    with pytest.raises(
        callbacks.NotFiniteError, match=f"style_relu1_2 is {bad} at step 7"
    ):
        run.run(trainer, _STAGES, tiny.batches, checkpoints=checkpoints)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    # Without the poison the kept state leads to the same end.
    trainer, _, losses = _train(tiny, tmp_path / "bad")
    assert list(losses) == [6, 7, 8]
    _assert_same(trainer, uninterrupted[0])


def test_content_that_ends_is_an_error(tiny, tmp_path):
    with pytest.raises(OSError, match="ended at step 2 of 5"):
        _train(
            tiny,
            tmp_path,
            batches=lambda size, start: tiny.batches(size, start).take(2),
        )


def test_what_fails_in_the_content_images_is_told(tiny, tmp_path):
    def batches(image_size, start):
        def fail(images, position):
            if position[0] > 6:
                raise ValueError("a picture cannot be read")
            return images, position

        def checked(images, position):
            images, after = tf.numpy_function(
                fail, [images, position], [tf.float32, tf.int64]
            )
            shape = [tiny.batch_size, image_size, image_size, 3]
            return tf.ensure_shape(images, shape), after

        return tiny.batches(image_size, start).map(checked)

    with pytest.raises(OSError, match="a picture cannot be read") as caught:
        _train(tiny, tmp_path, batches=batches)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    # What was learned until then is kept.
    trainer, result, losses = _train(tiny, tmp_path)
    assert (result.finished, min(losses)) == (True, 3)


def test_a_full_disk_is_not_the_end_of_the_content(
    tiny, tmp_path, full_disk, uninterrupted
):
    # TensorFlow calls a file that may not grow "out of range", which Keras
    # takes for the end of the data.
    _train(tiny, tmp_path / "full", step=4, action=_terminate)
    with pytest.raises(OSError, match="step 6 cannot be written: .*too large"):
        with full_disk(200):
            _train(tiny, tmp_path / "full")
    trainer, _, losses = _train(tiny, tmp_path / "full")
    assert list(losses) == [5, 6, 7, 8]
    _assert_same(trainer, uninterrupted[0])
