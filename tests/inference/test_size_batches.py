"""Pictures of one size come together, all of them once."""

import numpy as np

from fastnst.inference import size_batches


def _pictures(sizes):
    return [
        (f"{number}", np.full([height, width, 3], number, np.uint8))
        for number, (height, width) in enumerate(sizes)
    ]


def test_every_picture_comes_once_with_those_of_its_size():
    generator = np.random.default_rng(0)
    sizes = [tuple(size) for size in generator.integers(1, 4, [100, 2])]
    found = list(
        size_batches.size_batches(_pictures(sizes), batch_size=4)
    )
    names = [name for batch, _ in found for name in batch]
    assert sorted(names, key=int) == [str(number) for number in range(100)]
    for batch, pixels in found:
        assert len(batch) == len(pixels) <= 4
        for name, picture in zip(batch, pixels):
            assert picture.shape == (*sizes[int(name)], 3)
            assert (picture == int(name)).all()
    # Nine sizes: each has one batch that is not full, at most.
    assert sum(len(batch) < 4 for batch, _ in found) <= 9


def test_what_waits_is_bounded():
    waiting = 0
    sizes = [(10, 10 + number % 7) for number in range(70)]

    def pictures():
        nonlocal waiting
        for name, picture in _pictures(sizes):
            waiting += picture.size // 3
            assert waiting <= 500 + 160
            yield name, picture

    for _, pixels in size_batches.size_batches(
        pictures(), batch_size=100, max_waiting_pixels=500
    ):
        waiting -= pixels.size // 3
    assert waiting == 0
