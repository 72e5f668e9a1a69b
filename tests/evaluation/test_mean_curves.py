"""Mean curves: over which photos, and what of them."""

import example_curves
import pytest

from fastnst.evaluation import mean_curves


def test_means_go_on_while_half_of_the_curves_do():
    found = [
        example_curves.of([9, 5, 3, 2, 1], "a"),
        example_curves.of([7, 3, 2, 1], "b"),
        example_curves.of([5, 1], "c"),
        example_curves.of([8, 4], "a", start="content"),
    ]
    every = mean_curves.means(found)
    noise = [each for each in every if each.start == "noise"]
    assert [each.iteration for each in noise] == [0, 1, 2, 3]
    assert [each.photos for each in noise] == [3, 3, 2, 2]
    assert [each.mean for each in noise] == [7.0, 3.0, 2.5, 1.5]
    assert noise[0].deviation == pytest.approx(2.0)
    # A quarter and a half of the objective.
    assert [each.content for each in noise] == [1.75, 0.75, 0.625, 0.375]
    assert [each.style for each in noise] == [3.5, 1.5, 1.25, 0.75]
    assert {each.total_variation for each in every} == {0.125}
    assert [each.mean for each in every[4:]] == [8.0, 4.0]
    assert {each.deviation for each in every[4:]} == {0.0}


def test_panel_has_the_means_and_both_levels():
    found = [example_curves.of([9, 5], "a"), example_curves.of([7, 3], "b")]
    panel = mean_curves.panel(8, found, [20.0, 40.0], [2.0, 2.0])
    noise, content, network = panel.lines
    assert list(noise.mean) == [8.0, 4.0]
    assert list(noise.deviation) == pytest.approx([2**0.5, 2**0.5])
    assert (content.label, list(content.mean)) == ("content image", [30.0])
    assert list(network.deviation) == [0.0]
