"""Agreement of loss networks: ranks and ratios that are known."""

import numpy as np
import pytest

from fastnst.evaluation import loss_agreement

_WEIGHTS = {"relu1_2": 1.0, "relu3_3": 2.0}


def _groups(number=4):
    generator = np.random.default_rng(0)
    photos = generator.uniform(0, 255, [number, 1, 8, 8, 3]).astype(np.float32)
    stylizers = [lambda image: 255.0 - 0.5 * image]
    return [
        loss_agreement.versions(photo, stylizers, seed=0) for photo in photos
    ]


def _pairs(ours, truth):
    return list(
        loss_agreement.pairs(
            _groups(),
            ours,
            truth,
            content_layer="relu3_3",
            style_weights=_WEIGHTS,
        )
    )


def test_versions_of_a_photo():
    photo = np.full([1, 4, 4, 3], 250.0, np.float32)
    found = loss_agreement.versions(photo, [np.zeros_like], seed=0)
    assert found.shape == (4, 4, 4, 3) and found.dtype == np.float32
    assert found.max() <= 255.0
    np.testing.assert_array_equal(found[0], photo[0])
    assert not np.array_equal(found[1], photo[0])
    np.testing.assert_array_equal(found[2], 0.5 * photo[0])
    np.testing.assert_array_equal(found[3], np.zeros_like(photo[0]))


def test_a_network_agrees_with_itself(tiny_loss_network):
    found = _pairs(tiny_loss_network, tiny_loss_network)
    # 4 versions of a photo; three photos together, the fourth alone.
    assert len(found) == 12 * 11 // 2 + 4 * 3 // 2
    assert sum(pair.same_photo for pair in found) == 4 * 6
    rows = loss_agreement.rows(found)
    assert [row.loss for row in rows[:4]] == [
        "content",
        "style_relu1_2",
        "style_relu3_3",
        "style",
    ]
    assert {row.pairs: row.number for row in rows} == {
        "same photo": 24,
        "different photos": 48,
        "all": 72,
    }
    for row in rows:
        assert row.spearman == pytest.approx(1.0)
        assert (row.low, row.ratio, row.high) == (1.0, 1.0, 1.0)
    style = found[0].truth
    assert style["style"] == pytest.approx(
        style["style_relu1_2"] + 2.0 * style["style_relu3_3"]
    )


def test_twice_the_features_rank_alike_at_another_scale(tiny_loss_network):
    def doubled(images, layers):
        features = tiny_loss_network(images, layers)
        return {layer: 2.0 * value for layer, value in features.items()}

    for row in loss_agreement.rows(_pairs(doubled, tiny_loss_network)):
        assert row.spearman == pytest.approx(1.0)
        expected = 4.0 if row.loss == "content" else 16.0
        assert row.ratio == pytest.approx(expected, rel=1e-4)


def test_one_pair_has_no_order(tiny_loss_network):
    with pytest.raises(ValueError, match="3 pairs.* Received: 1. Give more"):
        loss_agreement.rows(_pairs(tiny_loss_network, tiny_loss_network)[:1])


def test_noise_agrees_with_nothing(tiny_loss_network):
    generator = np.random.default_rng(0)

    def noise(images, layers):
        features = tiny_loss_network(images, layers)
        return {
            layer: generator.normal(size=value.shape).astype(np.float32)
            for layer, value in features.items()
        }

    for row in loss_agreement.rows(_pairs(noise, tiny_loss_network)):
        assert abs(row.spearman) < 0.6
