"""The protocol of the published tables, on their photos and on drawn ones."""

import numpy as np
import pytest

from fastnst.data import image_files
from fastnst.data import low_resolution
from fastnst.evaluation import image_quality
from fastnst.evaluation import super_resolution_table as table


def _photo(seed=0, height=75, width=70):
    generator = np.random.default_rng(seed)
    small = generator.uniform(0, 255, [10, 10, 3])
    photo = low_resolution.upscale_bicubic(small, 8, eight_bit=True)
    return photo[:height, :width].astype(np.uint8)


def _enlarge(upscale=None, photos=None, **options):
    protocol = table.Protocol(**{"factor": 4, **options})
    photos = photos or [("a", _photo(0)), ("b", _photo(1))]
    return list(table.enlarge(protocol, photos, upscale))


def _nearest(small):
    return small.repeat(4, axis=0).repeat(4, axis=1)


@pytest.mark.parametrize(
    "factor, psnr, ssim", [(4, 28.43, 0.811), (8, 24.398, 0.6582)]
)
def test_bicubic_on_set5_is_the_published_row(
    test_photos, factor, psnr, ssim
):
    photos = [
        (path.stem, image_files.read_image(path).rgb)
        for path in image_files.find_images([str(test_photos / "set5")])
    ]
    assert len(photos) == 5
    mean = table.rows(_enlarge(photos=photos, factor=factor))[-1]
    assert mean[:2] == ("mean", "bicubic")
    assert mean.psnr == pytest.approx(psnr, abs=0.01)
    assert mean.ssim == pytest.approx(ssim, abs=0.001)


def test_truth_is_cropped_right_and_bottom_and_scored_within_the_border():
    (enlarged,) = _enlarge(_nearest, [("a", _photo())])
    assert enlarged.truth.shape == (72, 68, 3)
    np.testing.assert_array_equal(enlarged.truth, _photo()[:72, :68])
    assert enlarged.low_resolution.shape == (18, 17, 3)
    assert enlarged.low_resolution.dtype == np.uint8
    inner = (slice(4, -4), slice(4, -4))
    psnr = image_quality.psnr(
        image_quality.rgb_to_luma(_nearest(enlarged.low_resolution)[inner]),
        image_quality.rgb_to_luma(enlarged.truth[inner]),
    )
    assert enlarged.scores["network"].psnr == pytest.approx(psnr)
    (whole,) = _enlarge(_nearest, [("a", _photo())], crop_border=0)
    assert whole.scores["network"].psnr != pytest.approx(psnr, abs=1e-6)


def test_means_are_those_of_the_photos():
    enlargements = _enlarge(_nearest)
    rows = table.rows(enlargements)
    assert [row[:2] for row in rows] == [
        (photo, name)
        for photo in ("a", "b", "mean")
        for name in ("bicubic", "network")
    ]
    assert rows[-1].psnr == pytest.approx((rows[1].psnr + rows[3].psnr) / 2)
    assert rows[-2].ssim == pytest.approx((rows[0].ssim + rows[2].ssim) / 2)


def test_histogram_matching_mends_colors_of_the_network_alone():
    def darkened(small):
        image = low_resolution.upscale_bicubic(small, 4, eight_bit=True)
        return (0.7 * image).astype(np.uint8)

    plain = table.rows(_enlarge(darkened))
    matched = table.rows(_enlarge(darkened, match_histogram=True))
    assert matched[-1].psnr > plain[-1].psnr + 5
    assert matched[-2] == plain[-2]


def test_the_degradation_matters_and_is_said():
    plain, blurred = (
        table.rows(_enlarge(degradation=name))[-1]
        for name in low_resolution.DEGRADATIONS
    )
    assert blurred.psnr < plain.psnr
    text = str(table.Protocol(8, "paper", 3, True))
    for part in ("factor 8", "sigma 1.0", "3 pixels", "matching: yes"):
        assert part in text
    text = str(table.Protocol(4))
    assert "4 pixels" in text and "sigma" not in text and "no" in text


def test_a_grid_is_seen_and_the_truth_has_ratio_one():
    truth = np.clip(_photo(3, 72, 72).astype(float), 20, 235)
    down, right = np.mgrid[:72, :72]
    grid = truth + 6.0 * ((down % 4 == 0) | (right % 4 == 0))[..., None]
    enlarged = table.Enlargement(
        "a",
        np.zeros([18, 18, 3], np.uint8),
        truth,
        {"same": truth, "grid": grid},
        {},
    )
    assert table.grid_ratio([enlarged], "same") == 1.0
    assert table.grid_ratio([enlarged], "grid") > 20


def test_the_papers_rows_belong_to_set_and_factor():
    rows = {row.row: row for row in table.paper_rows("Set5", 4)}
    assert rows["paper: bicubic"][2:] == (28.43, 0.8114, None)
    assert rows["paper: feature"][2:] == (27.09, 0.7680, None)
    assert table.paper_rows("set5", 8)[0][2:4] == (23.80, 0.6455)
    assert table.paper_rows("holidays", 4) == []


def test_columns_are_low_resolution_bicubic_network_truth():
    (enlarged,) = _enlarge(_nearest, [("a", _photo())])
    shown = table.side_by_side(enlarged)
    assert shown.shape == (72, 4 * 68, 3)
    for column, image in enumerate(
        [
            _nearest(enlarged.low_resolution),
            enlarged.images["bicubic"],
            enlarged.images["network"],
            enlarged.truth,
        ]
    ):
        part = shown[:, 68 * column : 68 * (column + 1)]
        np.testing.assert_array_equal(part, image)
    crop = table.side_by_side(enlarged, 20)
    np.testing.assert_array_equal(
        crop[:, -20:], enlarged.truth[26:46, 24:44]
    )


def test_what_cannot_be_scored_is_refused_by_name():
    with pytest.raises(ValueError, match="tiny.jpg.*Received: 30x18"):
        _enlarge(photos=[("tiny.jpg", _photo()[:18, :30])])
    with pytest.raises(ValueError, match="same shape"):
        _enlarge(lambda small: small)
