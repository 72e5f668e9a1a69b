import threading

import pytest

from fastnst.inference import ahead


def test_items_come_in_order_from_another_thread():
    def items():
        for number in range(50):
            yield number, threading.get_ident()

    found = list(ahead.ahead(items(), 3))
    assert [number for number, _ in found] == list(range(50))
    assert threading.get_ident() not in {thread for _, thread in found}


def test_the_next_item_is_computed_while_the_caller_works():
    second_began = threading.Event()

    def items():
        yield 1
        second_began.set()
        yield 2

    found = ahead.ahead(items(), 1)
    assert next(found) == 1
    # Nobody has asked for it.
    assert second_began.wait(20)
    assert list(found) == [2]


@pytest.mark.parametrize("size", [1, 4])
def test_no_more_items_wait_than_allowed(size):
    taken = 0
    most = 0

    def items():
        nonlocal most
        for number in range(200):
            # The one that is being computed counts.
            most = max(most, number + 1 - taken)
            yield number

    for _ in ahead.ahead(items(), size):
        taken += 1
    # The caller counts an item a moment after it was taken.
    assert taken == 200 and most <= size + 1


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        raise OSError("the disk is full")

    found = ahead.ahead(items(), 5)
    assert next(found) == 1
    with pytest.raises(OSError, match="disk is full"):
        next(found)


def test_closing_ends_the_thread_of_an_endless_iterable():
    before = threading.active_count()

    def items():
        while True:
            yield 0

    found = ahead.ahead(items(), 2)
    assert [next(found) for _ in range(3)] == [0, 0, 0]
    assert threading.active_count() == before + 1
    found.close()
    assert threading.active_count() == before
