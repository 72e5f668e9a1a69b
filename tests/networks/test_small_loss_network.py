"""The loss network that ships: its file, its features and their scale."""

import json

import keras
import numpy as np
import pytest

from fastnst import losses
from fastnst.networks import loss_network
from fastnst.networks import small_loss_network

_LAYERS = small_loss_network.LAYERS
_CHANNELS = [loss_network.num_channels(layer) for layer in _LAYERS]


@pytest.fixture(scope="module")
def network():
    """A network with random weights, heads as wide as VGG16's layers."""
    keras.utils.set_random_seed(0)
    return small_loss_network.build([4, 6, 8], _CHANNELS)


@pytest.fixture(scope="module")
def weights_file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "vgg16_small.npz"
    small_loss_network.save(network, path)
    return path


def _distances(features, others):
    """Content and style loss of two images, layer by layer."""
    return {
        layer: [
            float(losses.feature_reconstruction_loss(values, others[layer])[0]),
            float(
                losses.style_reconstruction_loss(
                    losses.gram_matrix(values),
                    losses.gram_matrix(others[layer]),
                )[0]
            ),
        ]
        for layer, values in features.items()
    }


def test_a_folded_head_keeps_both_losses():
    generator = np.random.default_rng(0)
    kernel = generator.normal(size=[1, 1, 5, 16]).astype(np.float32)
    folded = small_loss_network.folded_head(kernel)
    assert folded.shape == (1, 1, 5, 5)
    first, second = generator.normal(size=[2, 1, 7, 6, 5]).astype(np.float32)
    wide = _distances({"": first @ kernel[0, 0]}, {"": second @ kernel[0, 0]})
    narrow = _distances({"": first @ folded[0, 0]}, {"": second @ folded[0, 0]})
    np.testing.assert_allclose(narrow[""], wide[""], rtol=1e-4)


def test_the_file_has_the_losses_of_the_network(
    network, weights_file, random_images
):
    images = random_images(2, 24, 20)
    wide = loss_network.FeatureExtractor(
        network.input, small_loss_network.outputs(network)
    )
    small = small_loss_network.SmallLossNetwork(_LAYERS, weights=weights_file)
    expected = _distances(
        wide(images[:1], _LAYERS), wide(images[1:], _LAYERS)
    )
    found = _distances(small(images[:1]), small(images[1:]))
    assert list(found) == list(_LAYERS)
    for layer, values in expected.items():
        # float16: eleven bits.
        np.testing.assert_allclose(found[layer], values, rtol=2e-2)


def test_features_are_float32_and_reach_as_deep_as_asked(
    weights_file, random_images
):
    small = small_loss_network.SmallLossNetwork(
        ["relu3_3", "relu1_2"], weights=weights_file, compute_dtype="bfloat16"
    )
    assert small.layers == ("relu1_2", "relu3_3")
    features = small(random_images(1, 13, 18))
    shapes = {layer: tuple(value.shape) for layer, value in features.items()}
    assert shapes == {"relu1_2": (1, 13, 18, 4), "relu3_3": (1, 3, 4, 8)}
    assert {value.dtype.name for value in features.values()} == {"float32"}
    assert list(small(random_images(1, 8, 8), ("relu1_2",))) == ["relu1_2"]


def test_a_trainer_does_not_own_its_weights(weights_file):
    holder = keras.Model()
    holder.loss_network = small_loss_network.SmallLossNetwork(
        _LAYERS, weights=weights_file
    )
    assert not holder.weights


@pytest.mark.parametrize("layers", [["relu4_3"], ["relu1_1", "relu1_2"], []])
def test_layers_that_it_has_not_are_refused(weights_file, layers):
    with pytest.raises(ValueError, match="relu1_2, relu2_2, relu3_3"):
        small_loss_network.SmallLossNetwork(layers, weights=weights_file)


def test_other_files_are_refused(weights_file, tmp_path):
    half = tmp_path / "half.npz"
    half.write_bytes(weights_file.read_bytes()[:3000])
    other = tmp_path / "other.npz"
    np.savez(other, kernel=np.zeros(3))
    text = tmp_path / "text.npz"
    text.write_text("no weights")
    array = tmp_path / "array.npz"
    with open(array, "wb") as file:
        np.save(file, np.zeros(3))
    # In the middle of the compressed weights: zlib's own error.
    bent = tmp_path / "bent.npz"
    content = bytearray(weights_file.read_bytes())
    content[60:90] = bytes(30)
    bent.write_bytes(content)
    for path in (half, other, text, array, bent):
        with pytest.raises(ValueError, match="fastnst.distill"):
            small_loss_network.SmallLossNetwork(_LAYERS, weights=path)
    with pytest.raises(OSError, match="none.npz"):
        small_loss_network.SmallLossNetwork(
            _LAYERS, weights=tmp_path / "none.npz"
        )


def test_weights_that_float16_cannot_hold_are_refused(tmp_path):
    network = small_loss_network.build([2, 2, 2], _CHANNELS)
    layer = network.get_layer("block1_conv1")
    layer.set_weights([1e6 + value for value in layer.get_weights()])
    with pytest.raises(ValueError, match="block1_conv1"):
        small_loss_network.save(network, tmp_path / "large.npz")
    assert not list(tmp_path.iterdir())


def test_what_ships_is_small_and_says_where_it_comes_from():
    small = small_loss_network.SmallLossNetwork(_LAYERS)
    assert small.weights == "vgg16_small.npz"
    assert small_loss_network.WEIGHTS.stat().st_size < 3e6
    path = small_loss_network.WEIGHTS.with_suffix(".json")
    card = json.loads(path.read_text(encoding="utf-8"))
    assert card["teacher"]["name"] == "VGG16"
    assert len(card["teacher"]["sha256"]) == 64
    assert card["steps"] > 0
    folders = card["flags"]["content_dataset"].split(",")
    assert not any(folder.startswith("/") for folder in folders)


@pytest.mark.pretrained
def test_what_ships_ranks_images_as_vgg16_does(vgg16_weights, test_photos):
    from fastnst.evaluation import loss_agreement
    from fastnst.evaluation import objective
    from fastnst.networks import saved_networks

    stylize = saved_networks.load("great_wave")
    photos = objective.square_photos(
        [test_photos / "coco_val"], image_size=96, num_images=9
    )
    found = loss_agreement.pairs(
        [
            loss_agreement.versions(
                photo, [lambda image: stylize(image).numpy()], seed=number
            )
            for number, (_, photo) in enumerate(photos)
        ],
        small_loss_network.SmallLossNetwork(_LAYERS),
        loss_network.LossNetwork(_LAYERS, weights=str(vgg16_weights)),
        content_layer="relu3_3",
        style_weights={"relu1_2": 1e-3, "relu2_2": 3e-4, "relu3_3": 8e-5},
    )
    rows = {
        row.loss: row
        for row in loss_agreement.rows(list(found))
        if row.pairs == "all"
    }
    assert rows["content"].spearman > 0.95
    assert rows["style"].spearman > 0.95
    # One scale: the same weights of content and style mean the same.
    assert 0.6 < rows["content"].ratio < 1.2
    assert 0.6 < rows["style"].ratio < 1.2
