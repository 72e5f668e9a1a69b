from PIL import Image
import numpy as np
import pytest

from fastnst.evaluation import figure

_RED = (200, 30, 30)


def _columns_of(picture, color):
    """Mean height of a color in each column that has it."""
    rgb = np.asarray(picture.convert("RGB"), int)
    mask = (np.abs(rgb - color).sum(-1) < 12)[:, 70:330]
    rows = np.arange(mask.shape[0])[:, None]
    found = mask.any(0)
    return np.flatnonzero(found), (rows * mask).sum(0)[found] / mask.sum(0)[
        found
    ]


def test_exponential_decay_is_a_straight_line(tmp_path):
    values = [1e6 * 0.9**k for k in range(41)]
    line = figure.Line("", _RED, values, [0.0] * 41)
    figure.draw(tmp_path / "f.png", [figure.Panel("256", [line])])
    with Image.open(tmp_path / "f.png") as picture:
        assert picture.size == (420, 360)
        columns, heights = _columns_of(picture, _RED)
    inside = (columns > 10) & (columns < 230)
    slope, offset = np.polyfit(columns[inside], heights[inside], 1)
    assert slope > 0.3
    error = heights[inside] - (slope * columns[inside] + offset)
    assert np.abs(error).max() < 1.5


def test_panels_stand_side_by_side_and_share_an_axis(tmp_path):
    flat = figure.Line("network", _RED, [1e5], [1e4])
    falling = figure.Line("noise", (30, 30, 200), [1e6, 1e4], [0, 0])
    panels = [figure.Panel(str(s), [flat, falling]) for s in (256, 512)]
    figure.draw(tmp_path / "f.png", panels)
    with Image.open(tmp_path / "f.png") as picture:
        rgb = np.asarray(picture.convert("RGB"), int)
    assert rgb.shape == (360, 840, 3)
    np.testing.assert_array_equal(rgb[40:, 60:420], rgb[40:, 480:])


def test_ticks_are_few_and_round():
    assert figure._ticks(500) == [0, 100, 200, 300, 400, 500]
    assert figure._ticks(45) == [0, 10, 20, 30, 40]
    assert figure._ticks(1) == [0, 1]


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(ValueError, match="positive"):
        figure.draw(tmp_path / "f.png", [])
    line = figure.Line("", _RED, [0.0], [0.0])
    with pytest.raises(ValueError, match="positive"):
        figure.draw(tmp_path / "f.png", [figure.Panel("", [line])])
