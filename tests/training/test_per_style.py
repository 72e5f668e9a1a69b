import numpy as np
import tensorflow as tf

from fastnst.training import per_style


def _step(styles, losses):
    blend = tf.one_hot(styles, 3)
    logs = per_style.sums(["a", "b", "c/d"], blend, tf.constant(losses))
    # What Keras needs to average over several workers.
    assert all(value.shape == (1,) for value in logs.values())
    return {"loss": tf.constant([1.0]), **logs}


def test_means_are_over_images_not_over_steps():
    history = [_step([0, 0, 0, 2], [1.0, 2.0, 3.0, 9.0]), _step([0], [10.0])]
    assert per_style.means(history) == {"style_of_a": 4.0, "style_of_c/d": 9.0}


def test_a_loss_that_is_not_finite_is_seen():
    # 0 * inf: the guard must name a term of the objective, not hide it here.
    logs = _step([0, 1], [np.inf, 2.0])
    assert not np.isfinite(list(per_style.means([logs]).values())).all()


def test_without_sums_everything_else_is_left():
    assert list(per_style.without_sums(_step([0], [1.0]))) == ["loss"]
    assert per_style.means([{"loss": 1.0}]) == {}
