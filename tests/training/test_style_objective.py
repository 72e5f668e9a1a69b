import numpy as np
import pytest
import tensorflow as tf

from fastnst import losses
from fastnst.training import style_objective

_STYLE_WEIGHTS = {"relu1_2": 3.0, "relu3_3": 0.25}


def _images(*shape, seed=0):
    generator = np.random.default_rng(seed)
    images = generator.uniform(0, 255, [*shape, 3]).astype(np.float32)
    return tf.constant(images)


def _objective(loss_network, styles, **options):
    arguments = {
        "content_layer": "relu3_3",
        "content_weight": 2.0,
        "style_weights": _STYLE_WEIGHTS,
        "tv_weight": 1e-3,
        **options,
    }
    return style_objective.StyleObjective(loss_network, styles, **arguments)


def test_terms_are_the_losses(tiny_loss_network):
    style, content, stylized = [
        _images(*shape, seed=seed)
        for seed, shape in enumerate([(12, 10), (2, 8, 8), (2, 8, 8)])
    ]
    objective = _objective(tiny_loss_network, [style])
    terms = objective.terms(stylized, objective.content_features(content))
    features = tiny_loss_network(stylized)
    targets = tiny_loss_network(style[None])
    expected = {
        "content": losses.feature_reconstruction_loss(
            features["relu3_3"], tiny_loss_network(content)["relu3_3"]
        )
    }
    for layer in _STYLE_WEIGHTS:
        expected[f"style_{layer}"] = losses.style_reconstruction_loss(
            losses.gram_matrix(features[layer]),
            losses.gram_matrix(targets[layer]),
        )
    expected["total_variation"] = losses.total_variation_loss(stylized)
    assert list(terms) == list(objective.weights) == list(expected)
    for name, value in expected.items():
        assert terms[name].shape == (2,) and np.all(value > 0)
        np.testing.assert_allclose(terms[name], value, rtol=1e-5)
    np.testing.assert_allclose(
        objective.total(terms),
        2 * expected["content"]
        + 3 * expected["style_relu1_2"]
        + 0.25 * expected["style_relu3_3"]
        + 1e-3 * expected["total_variation"],
        rtol=1e-5,
    )


def test_an_image_keeps_its_own_content(tiny_loss_network):
    content = _images(2, 8, 8)
    objective = _objective(tiny_loss_network, [_images(8, 8, seed=1)])
    terms = objective.terms(content, objective.content_features(content))
    np.testing.assert_array_equal(terms["content"], [0, 0])
    assert np.all(terms["style_relu1_2"] > 0)


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5), (0.5, 0.25)])
def test_a_style_image_has_its_own_style(tiny_loss_network, scales):
    style = _images(16, 24)
    objective = _objective(tiny_loss_network, [style], style_scales=scales)
    # Also where it is repeated: a style does not depend on the size.
    stylized = tf.tile(style[None], [2, 2, 1, 1])
    content = objective.content_features(_images(2, 32, 24, seed=1))
    terms = objective.terms(stylized, content)
    assert np.all(terms["content"] > 0)
    styles = [name for name in terms if name.startswith("style_")]
    assert len(styles) == 2 * len(scales)
    other = objective.terms(_images(2, 32, 24, seed=2), content)
    for name in styles:
        assert np.all(terms[name] < 1e-9 * other[name])


def test_scales_share_the_weight_of_a_layer(tiny_loss_network):
    style, images = _images(16, 16), _images(1, 16, 16, seed=1)
    one, two = [
        _objective(tiny_loss_network, [style], style_scales=scales)
        for scales in [(1.0,), (1.0, 0.5)]
    ]
    assert two.weights["style_relu1_2"] == one.weights["style_relu1_2"] / 2
    assert two.weights["style_relu1_2_at_0.5"] == 1.5
    assert two.weights["content"] == one.weights["content"]
    small = _objective(
        tiny_loss_network, [_halved(style[None])[0]], style_scales=(1.0,)
    )
    content = one.content_features(images)
    terms = two.terms(images, content)
    # At half the size it is the style of the pictures reduced before.
    any_content = small.content_features(images[:, :8, :8])
    expected = small.terms(_halved(images), any_content)
    np.testing.assert_allclose(
        terms["style_relu3_3_at_0.5"], expected["style_relu3_3"], rtol=1e-4
    )
    np.testing.assert_allclose(
        terms["style_relu3_3"],
        one.terms(images, content)["style_relu3_3"],
        rtol=1e-6,
    )


def _halved(images):
    corners = [images[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return tf.add_n(corners) / 4


def test_the_target_of_a_blend_is_the_blend_of_targets(tiny_loss_network):
    # Of different sizes: no style picture is squashed or cropped.
    styles = [_images(10, 8), _images(6, 14, seed=1)]
    objective = _objective(tiny_loss_network, styles)
    assert objective.num_styles == 2
    images = _images(3, 8, 8, seed=2)
    content = objective.content_features(images)
    blend = np.array([[1, 0], [0, 1], [0.3, 0.7]], np.float32)
    terms = objective.terms(images, content, tf.constant(blend))
    for layer in _STYLE_WEIGHTS:
        grams = [
            losses.gram_matrix(tiny_loss_network(style[None])[layer])[0]
            for style in styles
        ]
        targets = np.einsum("bs,scd->bcd", blend, grams)
        expected = losses.style_reconstruction_loss(
            losses.gram_matrix(tiny_loss_network(images)[layer]), targets
        )
        np.testing.assert_allclose(
            terms[f"style_{layer}"], expected, rtol=1e-4
        )
    first = objective.terms(images, content)
    alone = _objective(tiny_loss_network, styles[:1]).terms(images, content)
    for name, value in first.items():
        np.testing.assert_allclose(value, alone[name], rtol=1e-5)


def test_content_features_stop_at_the_content_layer(tiny_loss_network):
    objective = _objective(
        tiny_loss_network, [_images(8, 8)], content_layer="relu1_2"
    )
    tiny_loss_network.calls.clear()
    objective.content_features(_images(1, 8, 8))
    assert tiny_loss_network.calls == [("relu1_2",)]
    tiny_loss_network.calls.clear()
    # The stylized images pass once, whatever the number of losses.
    objective.terms(_images(1, 8, 8), tf.zeros([1, 8, 8, 4]))
    assert len(tiny_loss_network.calls) == 1


def test_targets_are_computed_once(tiny_loss_network):
    objective = _objective(tiny_loss_network, [_images(8, 8)] * 2)
    assert len(tiny_loss_network.calls) == 2
    for _ in range(2):
        objective.terms(_images(1, 8, 8), tf.zeros([1, 4, 4, 5]))
    assert len(tiny_loss_network.calls) == 4


@pytest.mark.parametrize("scales", [(), (2.0,), (1.0, 0.3)])
def test_unknown_scales_are_refused(tiny_loss_network, scales):
    with pytest.raises(ValueError, match="1.0, 0.5, 0.25.*style_scales="):
        _objective(tiny_loss_network, [_images(8, 8)], style_scales=scales)
