"""Turns of several sources: exact shares, and numbers without counting."""

import itertools

import numpy as np
import pytest

from fastnst.data import mixed_order


@pytest.mark.parametrize(
    "fractions", [[1.0], [0.5, 0.5], [0.05, 0.95], [0.3, 0.0001, 0.6999]]
)
def test_sample_counts_the_turns_before(fractions):
    order = mixed_order.MixedOrder(fractions, seed=1)
    given = [0] * len(fractions)
    for position in range(2500):
        for source, number in enumerate(given):
            assert order.sample(position, source) == number
        given[order.source(position)] += 1
    # Even the smallest share gets its turn.
    assert min(given) >= 2
    shares = np.array(given) / sum(given)
    assert np.abs(shares - fractions).max() < 0.01


def test_turns_start_anywhere():
    order = mixed_order.MixedOrder([0.3, 0.7], seed=2)
    for start in (0, 1, 999, 12345):
        turns = itertools.islice(order.turns(start).as_numpy_iterator(), 50)
        wanted = [order.source(start + index) for index in range(50)]
        assert list(turns) == wanted


def test_fractions_follow_sizes_and_shares():
    assert mixed_order.fractions([5], [0.1]) == [1.0]
    assert mixed_order.fractions([None], [None]) == [1.0]
    assert mixed_order.fractions([10, 30], [None, None]) == [0.25, 0.75]
    assert mixed_order.fractions([10, 30], [0.2, 0.2]) == [0.5, 0.5]
    mixed = mixed_order.fractions([30, None, 10], [None, 0.2, None])
    assert np.allclose(mixed, [0.6, 0.2, 0.2])


def test_shares_are_split_off_names(tmp_path):
    assert mixed_order.split_share("coco/2014") == ("coco/2014", None)
    assert mixed_order.split_share("/a:b/c") == ("/a:b/c", None)
    assert mixed_order.split_share("C:\\a:0.5") == ("C:\\a", 0.5)
    odd = tmp_path / "photos:1"
    odd.mkdir()
    assert mixed_order.split_share(str(odd)) == (str(odd), None)
