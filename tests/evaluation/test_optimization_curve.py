"""Curves: where they cross, how far they go, that they survive a kill."""

import example_curves
import numpy as np
import pytest

from fastnst.evaluation import curve_file
from fastnst.evaluation import objective
from fastnst.evaluation import optimization_curve
from fastnst.training import style_objective

_PHOTO = np.zeros((1, 8, 8, 3), np.float32)


@pytest.fixture
def transfer(tiny_loss_network):
    picture = np.random.default_rng(1).uniform(0, 255, (9, 12, 3))
    return style_objective.StyleObjective(
        tiny_loss_network,
        [picture.astype(np.float32)],
        content_layer="relu3_3",
        content_weight=1.0,
        style_weights={"relu1_2": 3.0, "relu3_3": 0.5},
        tv_weight=1e-4,
    )


@pytest.fixture
def photos():
    generator = np.random.default_rng(0)
    return [
        (f"{k}.png", generator.uniform(0, 255, (1, 8, 8, 3)).astype("float32"))
        for k in range(2)
    ]


def test_a_file_with_other_columns_is_refused(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("setup,size,photo,start,iteration\n")
    with pytest.raises(ValueError, match="take it away. Received: setup,size"):
        curve_file.CurveFile(path, {})


def test_crossing_is_the_first_iteration_not_above():
    curve = example_curves.of([100, 50, 30, 20])
    assert curve.crossing(30.0) == 2
    assert curve.crossing(29.9) == 3
    assert curve.crossing(1000.0) == 0
    assert curve.crossing(19.0) is None


def test_a_curve_suffices_at_one_and_a_half_times_its_crossing():
    def suffices(length, least=0, most=100, end="stopped"):
        # The crossing is at iteration 5.
        objectives = [100 - 10 * i for i in range(length + 1)]
        curve = example_curves.of(objectives, end=end)
        return curve.suffices(50.0, min_iterations=least, max_iterations=most)

    assert not suffices(4)
    assert not suffices(7)
    assert suffices(8)
    assert not suffices(8, least=9)
    assert suffices(9, least=9)
    assert suffices(3, most=3)
    assert suffices(3, end="converged")


def test_what_a_network_is_worth():
    found = [
        example_curves.of([100, 60, 40, 20, 10], "a"),
        example_curves.of([100, 90, 80, 60, 30], "b"),
        example_curves.of([50, 20], "a", start="content"),
        example_curves.of([50, 45], "b", start="content"),
    ]
    targets = {"a": 40.0, "b": 30.0}
    noise, content = optimization_curve.equivalences(found, targets)
    assert (noise.start, noise.photos, noise.crossed) == ("noise", 2, 2)
    assert noise.iterations == 3.0
    assert noise.deviation == pytest.approx(np.sqrt(2))
    # 2 i + 1 evaluations at iterations 2 and 4.
    assert noise.evaluations == 7.0
    assert noise.ratio_50 is None
    assert "equals 3.0 iterations of L-BFGS from noise" in str(noise)
    # One curve never came down: all that can be said is "at least".
    assert (content.crossed, content.iterations) == (1, 1.0)
    assert "equals at least 1.0 iterations" in str(content)


def test_ratio_is_network_over_optimization():
    found = [
        example_curves.of(np.linspace(102, 2, 101), "a"),
        example_curves.of(np.linspace(202, 2, 101), "b"),
    ]
    (result,) = optimization_curve.equivalences(found, {"a": 4.0, "b": 8.0})
    assert result.ratio_50 == pytest.approx((4 / 52 + 8 / 102) / 2)
    assert result.ratio_100 == pytest.approx((4 / 2 + 8 / 2) / 2)
    assert (result.photos_50, result.photos_100) == (2, 2)
    assert (result.ratio_500, result.photos_500) == (None, 0)


def test_ratio_is_over_the_photos_that_got_so_far():
    found = [
        example_curves.of(np.linspace(102, 2, 101), "a"),
        example_curves.of(np.linspace(202, 152, 51), "b"),
    ]
    (result,) = optimization_curve.equivalences(found, {"a": 4.0, "b": 8.0})
    assert (result.photos_50, result.photos_100) == (2, 1)
    assert result.ratio_50 == pytest.approx((4 / 52 + 8 / 152) / 2)
    assert result.ratio_100 == pytest.approx(4 / 2)


def test_a_file_returns_what_was_appended(tmp_path):
    path = tmp_path / "curves.csv"
    file = curve_file.CurveFile(path, {"tv_weight": 1e-6})
    assert file.find(8, "a.png", _PHOTO, "noise") is None
    short = example_curves.of([3, 2.5])
    long = example_curves.of([1e6 / 3, 2, 1], end="converged")
    other = example_curves.of([7, 6], start="content")
    for curve in (short, other, long):
        file.append(curve, _PHOTO)
    again = curve_file.CurveFile(path, {"tv_weight": 1e-6})
    assert again.find(8, "a.png", _PHOTO, "noise") == long
    assert again.find(8, "a.png", _PHOTO, "content") == other
    # Another size, name, content of the photo or setup is another curve.
    assert again.find(16, "a.png", _PHOTO, "noise") is None
    assert again.find(8, "b.png", _PHOTO, "noise") is None
    assert again.find(8, "a.png", _PHOTO + 1, "noise") is None
    changed = curve_file.CurveFile(path, {"tv_weight": 2e-6})
    assert changed.find(8, "a.png", _PHOTO, "noise") is None


@pytest.mark.parametrize("cut", [1, 3, 20, 60])
def test_a_torn_file_loses_the_torn_curve_only(tmp_path, cut):
    path = tmp_path / "curves.csv"
    file = curve_file.CurveFile(path, {})
    first = example_curves.of([3, 2, 1])
    second = example_curves.of([9, 8, 7, 6], start="content")
    file.append(first, _PHOTO)
    file.append(second, _PHOTO)
    path.write_bytes(path.read_bytes()[:-cut])
    assert file.find(8, "a.png", _PHOTO, "noise") == first
    found = file.find(8, "a.png", _PHOTO, "content")
    assert found is None or found.objectives == second.objectives
    third = example_curves.of([5, 4], photo="b.png")
    file.append(third, _PHOTO)
    assert file.find(8, "b.png", _PHOTO, "noise") == third
    file.append(second, _PHOTO)
    assert file.find(8, "a.png", _PHOTO, "content") == second
    assert file.find(8, "a.png", _PHOTO, "noise") == first


def test_curves_end_after_their_crossing_and_are_not_computed_twice(
    tmp_path, transfer, photos
):
    values = {
        m.photo: m.weighted["objective"]
        for m in objective.measure(transfer, photos, lambda x: 0 * x + 99)
    }
    # Between the start and the minimum, so that there is a crossing.
    targets = {name: 0.2 * value for name, value in values.items()}
    file = curve_file.CurveFile(tmp_path / "curves.csv", {})
    limits = {"max_iterations": 60}

    def run(**changed):
        return list(
            optimization_curve.curves(
                transfer, photos, targets, file, **{**limits, **changed}
            )
        )

    found = run()
    assert [(c.photo, c.start) for c in found] == [
        ("0.png", "noise"),
        ("0.png", "content"),
        ("1.png", "noise"),
        ("1.png", "content"),
    ]
    for curve in found:
        crossing = curve.crossing(targets[curve.photo])
        done = len(curve.objectives) - 1
        assert done == int(np.ceil(1.5 * crossing)) or done == 60
    size = (tmp_path / "curves.csv").stat().st_size
    assert run() == found
    assert (tmp_path / "curves.csv").stat().st_size == size
    # The start from the content image is the photo's own objective.
    own = next(iter(objective.measure(transfer, photos, lambda x: x)))
    assert found[1].objectives[0] == pytest.approx(
        own.weighted["objective"], rel=1e-4
    )
    # Longer curves from noise: computed anew, and the same at first.
    longer = run(min_iterations=40)
    assert longer[1::2] == found[1::2]
    for old, new in zip(found[::2], longer[::2]):
        assert len(new.objectives) >= 41 or new.end == "converged"
        np.testing.assert_allclose(
            new.objectives[:4], old.objectives[:4], rtol=1e-3
        )
