import numpy as np
import pytest
import tensorflow as tf

from fastnst.training import stability


def _images(batch=2, size=40):
    generator = np.random.default_rng(5)
    return tf.constant(
        generator.uniform(0, 255, [batch, size, size, 3]), tf.float32
    )


def test_a_copy_is_mirrored_outward_and_as_noisy_as_a_camera():
    images = _images()
    places = set()
    for step in range(60):
        disturbed, place = stability.disturb(images, step)
        top, left = place.numpy()
        mirrored = np.pad(
            images,
            [(0, 0), (top, 28 - top), (left, 28 - left), (0, 0)],
            mode="reflect",
        )
        noise = disturbed - mirrored
        assert np.std(noise) == pytest.approx(2.0, rel=0.05)
        assert abs(np.mean(noise)) < 0.1
        places.add((top, left))
    assert {12, 13, 14, 15} == {p[0] for p in places} == {p[1] for p in places}


def test_what_moves_with_the_image_is_stable():
    images = _images()
    for step in range(5):
        disturbed, place = stability.disturb(images, step)
        # A function of single pixels moves, and passes a tenth of the noise.
        loss = stability.instability_loss(
            100 + 0.1 * images, 100 + 0.1 * disturbed, place
        )
        np.testing.assert_allclose(loss, [0.04, 0.04], rtol=0.1)


@pytest.mark.parametrize(
    "place, moved", [([12, 12], 0.0), ([16, 13], 0.0), ([14, 12], 400.0)]
)
def test_a_grid_that_stands_still_is_not(place, moved):
    # +10 and -10 by turns, 2 rows each: 2 rows on, all differ by 20.
    grid = 10.0 * np.where(np.arange(68) // 2 % 2, 1.0, -1.0)
    disturbed = tf.constant(
        np.broadcast_to(grid[:, None, None], [1, 68, 68, 3])
    )
    loss = stability.instability_loss(
        disturbed[:, :40, :40], disturbed, tf.constant(place)
    )
    np.testing.assert_allclose(loss, [moved], atol=1e-9)


def test_a_frame_is_not_stable():
    images = _images()

    def framed(pictures):
        inside = np.pad(np.ones([n - 4 for n in pictures.shape[1:3]]), 2)
        return tf.where(inside[..., None] == 1, pictures, 0.0)

    disturbed, place = stability.disturb(images, 0)
    loss = stability.instability_loss(framed(images), framed(disturbed), place)
    # 1 - (36 / 40) ** 2 of the pixels, uniform in [0, 255].
    np.testing.assert_allclose(loss, 0.19 * 255**2 / 3, rtol=0.05)


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
