"""The objective of photos and of a network's output, against the losses."""

import hashlib
import statistics

from PIL import Image
import numpy as np
import pytest

from fastnst import losses
from fastnst.evaluation import objective
from fastnst.training import style_objective


def _photos(number=3, size=8):
    generator = np.random.default_rng(0)
    return [
        (f"{index}.png", generator.uniform(0, 255, (1, size, size, 3)).astype(
            np.float32))
        for index in range(number)
    ]


def _half(images):
    return 0.5 * images


@pytest.fixture
def style(tiny_loss_network):
    picture = np.random.default_rng(1).uniform(0, 255, (9, 12, 3))
    return style_objective.StyleObjective(
        tiny_loss_network,
        [picture.astype(np.float32)],
        content_layer="relu3_3",
        content_weight=2.0,
        style_weights={"relu1_2": 3.0, "relu3_3": 0.5},
        tv_weight=1e-3,
    )


def test_terms_of_the_network_are_the_losses(style, tiny_loss_network):
    (name, photo), *_ = photos = _photos(1)
    content, network = objective.measure(style, photos, _half)
    assert (content.photo, content.image) == (name, objective.CONTENT)
    assert (network.photo, network.image) == (name, objective.NETWORK)
    features = tiny_loss_network(photo)["relu3_3"]
    halved = tiny_loss_network(0.5 * photo)["relu3_3"]
    expected = losses.feature_reconstruction_loss(halved, features)
    assert network.terms["content"] == pytest.approx(float(expected[0]))
    assert network.terms["total_variation"] == pytest.approx(
        0.25 * content.terms["total_variation"], rel=1e-5
    )
    # A photo keeps its own content; its style is the photo's.
    assert content.terms["content"] == 0.0
    assert content.terms["style"] > 0.0


def test_weighted_terms_add_up(style):
    for measurement in objective.measure(style, _photos(), _half):
        terms, weighted = measurement.terms, measurement.weighted
        assert weighted["objective"] == pytest.approx(
            2.0 * terms["content"]
            + 3.0 * terms["style_relu1_2"]
            + 0.5 * terms["style_relu3_3"]
            + 1e-3 * terms["total_variation"]
        )
        assert weighted["style"] == pytest.approx(
            weighted["style_relu1_2"] + weighted["style_relu3_3"]
        )
        assert terms["style"] == pytest.approx(
            terms["style_relu1_2"] + terms["style_relu3_3"]
        )


def test_summary_is_mean_and_deviation_of_the_photos(style):
    measured = list(objective.measure(style, _photos(3), _half))
    rows = objective.summarize(measured, style.weights)
    assert [row.term for row in rows[:6]] == [
        "content",
        "style_relu1_2",
        "style_relu3_3",
        "style",
        "total_variation",
        "objective",
    ]
    assert [row.image for row in rows[::6]] == ["content image", "network"]
    values = [m.weighted["objective"] for m in measured[1::2]]
    assert rows[-1].weighted_mean == pytest.approx(statistics.mean(values))
    assert rows[-1].weighted_deviation == pytest.approx(
        statistics.stdev(values)
    )
    assert (rows[-1].weight, rows[-1].mean) == (None, None)
    content = rows[6]
    assert content.weight == 2.0
    assert content.weighted_mean == pytest.approx(2 * content.mean)
    assert content.weighted_deviation == pytest.approx(2 * content.deviation)


def test_one_photo_has_no_deviation():
    assert objective.mean_and_deviation([4.0]) == (4.0, 0.0)


def test_photos_are_the_middle_square(tmp_path):
    # Left third red, middle third green, right third blue.
    picture = np.zeros((30, 90, 3), np.uint8)
    for channel in range(3):
        picture[:, 30 * channel : 30 * channel + 30, channel] = 200
    Image.fromarray(picture).save(tmp_path / "b.png")
    Image.fromarray(picture[:, 30:]).save(tmp_path / "a.png")
    photos = objective.square_photos([tmp_path], image_size=12)
    assert [name for name, _ in photos] == ["a.png", "b.png"]
    square = photos[1][1]
    assert square.shape == (1, 12, 12, 3)
    assert square.dtype == np.float32
    np.testing.assert_array_equal(square[0, 6, 6], [0, 200, 0])
    assert len(objective.square_photos(
        [tmp_path], image_size=12, num_images=1)) == 1
    with pytest.raises(ValueError, match="at most 2"):
        objective.square_photos([tmp_path], image_size=12, num_images=3)


def test_the_style_is_found_by_the_content_of_its_file(tmp_path):
    card: dict = {"style_images": []}
    for name in ("wave", "mosaic"):
        (tmp_path / name).write_bytes(name.encode())
        digest = hashlib.sha256(name.encode()).hexdigest()
        card["style_images"].append({"name": name, "sha256": digest})
    match = objective.matching_style
    assert match(card, tmp_path / "mosaic") == "mosaic"
    assert match(card, tmp_path / "wave", "wave") == "wave"
    with pytest.raises(ValueError, match="trained on, by sha256: wave"):
        match(card, tmp_path / "mosaic", "wave")
    with pytest.raises(ValueError, match="one of wave, mosaic"):
        match(card, tmp_path / "mosaic", "scream")
    card["style_images"].append({**card["style_images"][0], "name": "large"})
    assert match(card, tmp_path / "wave", "large") == "large"
    with pytest.raises(ValueError, match="given: .* for wave, large"):
        match(card, tmp_path / "wave")
    (tmp_path / "wave").write_bytes(b"another picture of that name")
    with pytest.raises(ValueError, match="Received: .*wave"):
        match(card, tmp_path / "wave")
    with pytest.raises(ValueError, match="names none"):
        match({}, tmp_path / "mosaic")
