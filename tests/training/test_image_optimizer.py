"""Known minima for the optimizer; what layers keep for the real network."""

import pathlib

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from fastnst.training import image_objectives
from fastnst.training import image_optimizer
from fastnst.training import style_objective

_PHOTO = (
    pathlib.Path(__file__).parents[2] / "experiments/photos/astronaut.jpg"
)


def _distance(target, scale=1.0):
    """Half the weighted squared distance: the minimum is the target."""

    def objective(image):
        square = 0.5 * scale * tf.math.squared_difference(image, target)
        loss = tf.reduce_sum(square, [1, 2, 3])
        return loss, {"distance": loss}

    return objective


def _grey(size=4):
    return np.full((1, size, size, 3), 128.0, np.float32)


def test_finds_the_minimum_of_an_ill_conditioned_quadratic():
    generator = np.random.default_rng(0)
    target = generator.uniform(10, 245, (1, 4, 4, 3)).astype(np.float32)
    scale = np.logspace(0, 3, target.size).reshape(target.shape)
    optimizer = image_optimizer.ImageOptimizer(
        _distance(target, scale.astype(np.float32))
    )
    best = optimizer.run(_grey(), num_iterations=300)
    np.testing.assert_allclose(best.image, target, atol=0.05)
    assert best.image.dtype == np.float32
    assert best.iteration < 300


def test_minimum_on_the_bounds():
    target = np.linspace(-200, 455, 48, dtype=np.float32).reshape(1, 4, 4, 3)
    seen = []
    best = image_optimizer.ImageOptimizer(_distance(target)).run(
        _grey(), num_iterations=50, callback=seen.append
    )
    # The box minimum of a separable function is the clipped minimum.
    np.testing.assert_allclose(best.image, np.clip(target, 0, 255), atol=1e-3)
    for iterate in seen:
        assert iterate.image.min() >= 0 and iterate.image.max() <= 255


def test_coupled_pixels_on_the_bounds_meet_the_conditions_of_a_minimum():
    generator = np.random.default_rng(1)
    matrix = generator.normal(size=(12, 12))
    matrix = (matrix @ matrix.T / 12 + np.eye(12)).astype(np.float32)
    linear = generator.normal(0, 400, 12).astype(np.float32)

    def objective(image):
        x = tf.reshape(image, [12, 1])
        product = tf.squeeze(tf.transpose(x) @ (matrix @ x))
        loss = 0.5 * product + tf.reduce_sum(linear * x[:, 0])
        return loss[None], {}

    best = image_optimizer.ImageOptimizer(objective).run(
        _grey(2), num_iterations=200
    )
    x = best.image.reshape(-1).astype(np.float64)
    gradient = matrix @ x + linear
    low, high = x < 1e-3, x > 255 - 1e-3
    assert low.any() and (~low & ~high).any()
    assert (gradient[low] > -0.5).all() and (gradient[high] < 0.5).all()
    np.testing.assert_allclose(gradient[~low & ~high], 0, atol=0.5)


def test_iterates_tell_iterations_evaluations_and_terms():
    target = np.linspace(0, 255, 48, dtype=np.float32).reshape(1, 4, 4, 3)
    scale = np.logspace(0, 2, 48, dtype=np.float32).reshape(1, 4, 4, 3)
    objective = _distance(target, scale)
    seen = []
    image_optimizer.ImageOptimizer(objective).run(
        _grey(), num_iterations=7, callback=seen.append
    )
    assert [iterate.iteration for iterate in seen] == list(range(8))
    evaluations = [iterate.num_evaluations for iterate in seen]
    # SciPy asks for the start again, which costs no evaluation.
    assert evaluations[:2] == [1, 2]
    assert all(a < b for a, b in zip(evaluations, evaluations[1:]))
    values = [iterate.objective for iterate in seen]
    assert values == sorted(values, reverse=True)
    np.testing.assert_array_equal(seen[0].image, _grey())
    for iterate in seen:
        expected = float(objective(tf.constant(iterate.image))[0][0])
        assert iterate.objective == pytest.approx(expected, rel=1e-5)
        assert iterate.terms["distance"] == pytest.approx(expected, rel=1e-5)


def test_stopping_keeps_the_best_image():
    target = np.linspace(0, 255, 48, dtype=np.float32).reshape(1, 4, 4, 3)
    scale = np.logspace(0, 2, 48, dtype=np.float32).reshape(1, 4, 4, 3)
    optimizer = image_optimizer.ImageOptimizer(_distance(target, scale))
    seen = []

    def stop_after_three(iterate):
        seen.append(iterate)
        if iterate.iteration == 3:
            raise StopIteration

    best = optimizer.run(
        _grey(), num_iterations=50, callback=stop_after_three
    )
    assert best.iteration == seen[-1].iteration == 3
    assert best.objective == min(iterate.objective for iterate in seen)


def test_a_line_search_that_fails_restarts(monkeypatch):
    target = np.full((1, 4, 4, 3), 60.0, np.float32)
    scale = np.logspace(0, 2, 48, dtype=np.float32).reshape(1, 4, 4, 3)
    objective = _distance(target, scale)
    evaluations = tf.Variable(0)

    def misleading(image):
        evaluations.assign_add(1)
        count = tf.identity(evaluations)
        loss, terms = objective(image)

        # From the 5th to the 24th evaluation the gradient points uphill, and
        # no line search can succeed.
        @tf.custom_gradient
        def turned(value):
            sign = tf.where((count >= 5) & (count < 24), -1.0, 1.0)
            return tf.identity(value), lambda upstream: sign * upstream

        return turned(loss), terms

    runs = []
    minimize = scipy.optimize.minimize

    def counted(*arguments, **options):
        result = minimize(*arguments, **options)
        runs.append(result.fun)
        return result

    monkeypatch.setattr(scipy.optimize, "minimize", counted)
    best = image_optimizer.ImageOptimizer(misleading).run(
        _grey(), num_iterations=200
    )
    # The first run ended far from the minimum.
    assert len(runs) > 1 and runs[0] > 1 > runs[-1]
    np.testing.assert_allclose(best.image, target, atol=0.1)


def test_ends_where_nothing_can_be_gained():
    target = _grey()
    best = image_optimizer.ImageOptimizer(_distance(target)).run(
        _grey(), num_iterations=1000
    )
    assert best.objective == 0.0
    assert best.num_evaluations < 10


def test_nan_and_bad_images_are_refused():
    def broken(image):
        loss = tf.reduce_sum(image, [1, 2, 3]) * float("nan")
        return loss, {"broken": loss}

    with pytest.raises(ValueError, match="finite.*broken"):
        image_optimizer.ImageOptimizer(broken).run(_grey(), num_iterations=5)
    optimizer = image_optimizer.ImageOptimizer(_distance(_grey()))
    with pytest.raises(ValueError, match=r"shape \(1, height"):
        optimizer.run(_grey()[0], num_iterations=5)
    with pytest.raises(ValueError, match="0, 255"):
        optimizer.run(_grey() * 3, num_iterations=5)


def test_one_trace_serves_all_images_of_a_size():
    target = tf.Variable(_grey())
    traces = []

    def objective(image):
        traces.append(image.shape)
        return _distance(tf.convert_to_tensor(target))(image)

    optimizer = image_optimizer.ImageOptimizer(objective)
    for value in (10.0, 200.0):
        target.assign(np.full(target.shape, value))
        best = optimizer.run(_grey(), num_iterations=20)
        np.testing.assert_allclose(best.image, value, atol=1e-3)
    assert len(traces) == 1


def test_style_transfer_is_the_objective_of_training(tiny_loss_network):
    generator = np.random.default_rng(0)
    content, style = generator.uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    objective = style_objective.StyleObjective(
        tiny_loss_network,
        [style],
        content_layer="relu3_3",
        content_weight=1.0,
        style_weights={"relu1_2": 5.0},
        tv_weight=1e-6,
    )
    features = objective.content_features(content[None])
    optimizer = image_optimizer.ImageOptimizer(
        image_objectives.style_transfer(objective, features)
    )
    start = image_optimizer.white_noise((1, 8, 8, 3), seed=1)
    best = optimizer.run(start, num_iterations=60)
    terms = objective.terms(tf.constant(best.image), features)
    assert best.objective == pytest.approx(
        float(objective.total(terms)[0]), rel=1e-4
    )
    first = objective.total(objective.terms(tf.constant(start), features))
    assert best.objective < 0.05 * float(first[0])
    assert set(best.terms) == set(objective.weights)


def test_white_noise_is_uniform_and_seeded():
    noise = image_optimizer.white_noise((1, 64, 64, 3), seed=3)
    assert noise.dtype == np.float32
    assert noise.min() >= 0 and noise.max() <= 255
    assert noise.mean() == pytest.approx(127.5, abs=3)
    assert noise.std() == pytest.approx(255 / np.sqrt(12), abs=2)
    again = image_optimizer.white_noise((1, 64, 64, 3), seed=3)
    np.testing.assert_array_equal(noise, again)
    faint = image_optimizer.white_noise((1, 64, 64, 3), contrast=0.1, seed=3)
    np.testing.assert_allclose(faint - 127.5, 0.1 * (noise - 127.5), atol=1e-4)


def test_style_reconstruction_matches_grams_of_another_size(tiny_loss_network):
    generator = np.random.default_rng(0)
    style = generator.uniform(0, 255, (1, 12, 10, 3)).astype(np.float32)
    layers = ("relu1_2", "relu3_3")
    best = image_optimizer.ImageOptimizer(
        image_objectives.style_reconstruction(tiny_loss_network, layers, style)
    ).run(image_optimizer.white_noise((1, 8, 8, 3)), num_iterations=200)
    target = image_objectives.gram_matrices(tiny_loss_network, layers, style)
    found = image_objectives.gram_matrices(
        tiny_loss_network, layers, tf.constant(best.image)
    )
    for layer in layers:
        error = np.linalg.norm(found[layer] - target[layer])
        assert error < 0.01 * np.linalg.norm(target[layer])


@pytest.fixture(scope="module")
def photo():
    from fastnst.data import image_files

    if not _PHOTO.is_file():
        pytest.skip("without the repository")
    astronaut = image_files.read_image(_PHOTO).rgb
    rgb = image_files.resize(astronaut[:256, 96:352], 48, 48)
    return rgb[None].astype(np.float32)


def _faint_noise(photo):
    return image_optimizer.white_noise(photo.shape, contrast=0.1)


def _psnr(image, truth):
    return 10 * np.log10(255**2 / np.mean((image - truth) ** 2))


@pytest.fixture(scope="module")
def vgg16(vgg16_weights):
    from fastnst.networks import loss_network

    return loss_network.LossNetwork(
        ["relu1_2", "relu2_2", "relu3_3"], weights=str(vgg16_weights)
    )


@pytest.mark.pretrained
def test_deeper_layers_keep_less_of_an_image(vgg16, photo):
    found = {}
    for layer in vgg16.layers:
        best = image_optimizer.ImageOptimizer(
            image_objectives.feature_reconstruction(vgg16, layer, photo)
        ).run(_faint_noise(photo), num_iterations=40)
        found[layer] = _psnr(best.image, photo)
    print(found)
    assert found["relu1_2"] > found["relu2_2"] + 2
    assert found["relu2_2"] > found["relu3_3"] + 2
    assert found["relu1_2"] > 25


@pytest.mark.pretrained
def test_style_reconstruction_keeps_grams_and_not_pixels(vgg16, photo):
    best = image_optimizer.ImageOptimizer(
        image_objectives.style_reconstruction(vgg16, vgg16.layers, photo)
    ).run(_faint_noise(photo), num_iterations=100)

    def gram_errors(image):
        target = image_objectives.gram_matrices(vgg16, vgg16.layers, photo)
        found = image_objectives.gram_matrices(vgg16, vgg16.layers, image)
        return [
            np.linalg.norm(found[layer] - target[layer])
            / np.linalg.norm(target[layer])
            for layer in vgg16.layers
        ]

    print(gram_errors(best.image))
    assert max(gram_errors(best.image)) < 0.25
    assert min(gram_errors(_faint_noise(photo))) > 0.5
    assert _psnr(best.image, photo) < 15
