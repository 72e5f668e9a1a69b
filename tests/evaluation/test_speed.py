"""Table 1: what is timed, scaled and divided."""

import numpy as np
import pytest
import tensorflow as tf

from fastnst.evaluation import speed
from fastnst.training import image_optimizer


class _Clock:
    """Seconds that pass only when something says that it took some."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def _bowl(images):
    """Hard enough that L-BFGS needs many iterations: uneven curvature."""
    weights = tf.reshape(tf.range(1.0, 1 + images.shape.num_elements()),
                         images.shape)
    error = weights**2 * (images - 99.0) ** 2 + (images - 99.0) ** 4
    total = tf.reduce_sum(error, axis=[1, 2, 3])
    return total, {"error": total}


def test_first_pass_is_not_counted():
    clock = _Clock()
    durations = iter([50.0, 1.0, 3.0, 2.0])

    def stylize(photo):
        clock.now += next(durations)
        return photo

    photo = np.zeros([1, 8, 8, 3], np.float32)
    seconds = speed.time_passes(stylize, photo, num_passes=3, clock=clock)
    assert seconds == [1.0, 3.0, 2.0]


def test_first_evaluation_is_not_counted(monkeypatch):
    clock = _Clock()
    optimizer = image_optimizer.ImageOptimizer(_bowl)
    evaluate, calls = optimizer._evaluated, []

    def slow(image):
        clock.now += 2.0 if calls else 1000.0
        calls.append(1)
        return evaluate(image)

    monkeypatch.setattr(optimizer, "_evaluated", slow)
    start = image_optimizer.white_noise([1, 4, 4, 3])
    timed = speed.time_optimization(optimizer, start, 25, clock=clock)
    assert timed.num_iterations == 25
    assert timed.num_evaluations >= 25
    assert timed.seconds[-1] == 2.0 * timed.num_evaluations
    assert timed.num_evaluations == len(calls) - 1
    assert timed.seconds == sorted(timed.seconds)


def test_only_what_was_not_timed_is_scaled():
    # The first ten search twice as long as the others.
    seconds = [4.0 * n for n in range(1, 11)]
    seconds += [40 + 2.0 * n for n in range(1, 11)]
    timed = speed.Optimization(seconds, 30)
    assert timed.until(5) == 20.0
    assert timed.until(20) == 60.0
    assert timed.until(300) == 40 + 2.0 * 290


def test_row_and_what_is_said_of_it():
    timed = speed.Optimization([0.5 * n for n in range(1, 21)], 23)
    row = speed.row(256, [0.1, 0.3, 0.2, 9.0, 0.2], timed, "float32")
    assert (row.first_quartile, row.feed_forward) == (0.2, 0.2)
    assert row.third_quartile == 0.3
    assert [row.lbfgs_100, row.lbfgs_300, row.lbfgs_500] == [50, 150, 250]
    assert row.speed_up_100 == pytest.approx(250)
    assert row.speed_up_500 == pytest.approx(1250)
    assert row.device and row.threads >= 1
    text = "\n".join(speed.notes([row], "style relu1_2"))
    assert "20 iterations (23 evaluations)" in text
    assert "100, 300, 500 are scaled" in text
    assert "1,250 times faster" in text and "1,060" in text


def test_what_was_timed_whole_is_not_called_scaled():
    timed = speed.Optimization([0.5 * n for n in range(1, 501)], 520)
    row = speed.row(300, [0.1, 0.1], timed, "bfloat16")
    assert "scaled" not in "\n".join(speed.notes([row], "style relu1_2"))
    part = timed._replace(seconds=timed.seconds[:300])
    row = speed.row(300, [0.1, 0.1], part, "bfloat16")
    assert "those of 500 are scaled" in "\n".join(speed.notes([row], ""))


def test_too_few_iterations_are_refused():
    optimizer = image_optimizer.ImageOptimizer(_bowl)
    start = image_optimizer.white_noise([1, 4, 4, 3])
    with pytest.raises(ValueError, match="at least 20.*Received.*19"):
        speed.time_optimization(optimizer, start, 19)


def test_an_optimization_that_ends_early_is_refused():
    def flat(images):
        total = tf.reduce_sum(0.0 * images, axis=[1, 2, 3])
        return total, {}

    optimizer = image_optimizer.ImageOptimizer(flat)
    start = image_optimizer.white_noise([1, 4, 4, 3])
    with pytest.raises(ValueError, match="20 iterations.*another photo"):
        speed.time_optimization(optimizer, start, 20)
