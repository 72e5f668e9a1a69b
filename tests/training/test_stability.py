import numpy as np
import pytest
import tensorflow as tf

from fastnst.training import stability


def _images(batch=2, size=40):
    generator = np.random.default_rng(5)
    return tf.constant(
        generator.uniform(0, 255, [batch, size, size, 3]), tf.float32
    )


def test_a_copy_is_shifted_and_as_noisy_as_a_camera():
    images = _images()
    shifts = set()
    for step in range(60):
        disturbed, shift = stability.disturb(images, step)
        noise = disturbed - np.roll(images, shift, (1, 2))
        assert np.std(noise) == pytest.approx(2.0, rel=0.05)
        assert abs(np.mean(noise)) < 0.1
        shifts.add(tuple(shift.numpy()))
    assert {0, 1, 2, 3} == {s[0] for s in shifts} == {s[1] for s in shifts}


def test_what_moves_with_the_image_is_stable():
    images = _images()
    for step in range(5):
        disturbed, shift = stability.disturb(images, step)
        # A function of single pixels moves, and passes a tenth of the noise.
        loss = stability.instability_loss(
            100 + 0.1 * images, 100 + 0.1 * disturbed, shift
        )
        np.testing.assert_allclose(loss, [0.04, 0.04], rtol=0.1)


@pytest.mark.parametrize(
    "shift, moved", [([0, 0], 0.0), ([4, 0], 0.0), ([0, 2], 400.0)]
)
def test_a_grid_that_stands_still_is_not(shift, moved):
    # +10 and -10 by turns, 2 pixels each: 2 pixels on, all differ by 20.
    grid = 10.0 * np.where(np.arange(40) // 2 % 2, 1.0, -1.0)
    stylized = tf.constant(np.broadcast_to(grid[:, None], [1, 40, 40, 3]))
    loss = stability.instability_loss(stylized, stylized, tf.constant(shift))
    np.testing.assert_allclose(loss, [moved], atol=1e-9)


def test_the_term_is_trained_only_where_it_has_a_weight(style_trainer):
    batch = (_images(4), tf.fill([4], tf.constant(4, tf.int64)))
    plain = style_trainer().train_step(batch)
    assert "stability" not in plain
    trainer = style_trainer(stability_weight=1e6, learning_rate=1e-2)
    step = tf.function(trainer.train_step)
    logs = [step(batch) for _ in range(30)]
    np.testing.assert_allclose(
        logs[0]["weighted_stability"], 1e6 * logs[0]["stability"], rtol=1e-6
    )
    values = [float(log["stability"][0]) for log in logs]
    assert np.mean(values[-5:]) < 0.3 * np.mean(values[:3])


def test_the_term_is_taken_of_every_image_in_turn(style_trainer, monkeypatch):
    trainer = style_trainer(stability_weight=1.0)
    images = tf.fill([4, 32, 32, 3], 100.0) + tf.reshape(
        tf.range(4.0), [4, 1, 1, 1]
    )
    taken = set()

    def disturb(halves, step):
        taken.add(tuple(halves[:, 0, 0, 0].numpy() - 100))
        return halves, tf.zeros([2], tf.int32)

    monkeypatch.setattr(stability, "disturb", disturb)
    for step in range(8):
        trainer.optimizer.iterations.assign(step)
        loss = trainer._instability(images, tf.one_hot([0, 1, 2, 0], 3), images)
        assert loss.shape == (2,)
    assert taken == {(0.0, 1.0), (2.0, 3.0)}
