"""What the memory cannot hold is known before it is tried."""

import numpy as np
import pytest

from fastnst.inference import memory
from fastnst.inference import tiling
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network


@pytest.fixture(scope="module")
def network():
    return super_resolution_network.SuperResolutionNetwork(4, width=0.1)


def test_available_memory_is_that_of_the_machine_or_less(tmp_path, monkeypatch):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 900 kB\nMemAvailable:   500 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert memory.available_bytes() == 500 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available_bytes() == 500 * 1024
    (tmp_path / "memory.max").write_text("300000\n")
    (tmp_path / "memory.current").write_text("100000\n")
    assert memory.available_bytes() == 200_000
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "missing")
    assert memory.available_bytes() is None


def test_the_estimate_grows_with_pixels_filters_and_factor():
    small, wide, large = (
        super_resolution_network.SuperResolutionNetwork(*arguments)
        for arguments in ((4, "default"), (4, "paper"), (8, "default"))
    )
    thin, full = (
        style_transfer_network.StyleTransferNetwork(width=width)
        for width in (0.25, 1.0)
    )
    # Measured on the CPU: bytes a pixel of the picture that enters.
    for network, measured in (
        (small, 5032),
        (wide, 13641),
        (large, 16984),
        (thin, 437),
        (full, 612),
    ):
        found = memory.needed_bytes(network, 1, 1)
        assert measured <= found <= 1.25 * measured
        assert memory.needed_bytes(network, 30, 20) == 600 * found


@pytest.fixture
def free(monkeypatch):
    """Sets how much memory is free, on a machine without a GPU."""
    monkeypatch.setattr(
        memory.tf.config, "list_physical_devices", lambda kind: []
    )

    def set_free(num_bytes):
        monkeypatch.setattr(memory, "available_bytes", lambda: num_bytes)

    return set_free


def test_too_large_a_picture_is_refused_with_the_numbers(network, free):
    free(10**9)
    memory.check(network, 100, 100)
    with pytest.raises(ValueError, match="9000x8000.*1.0 GB are free"):
        memory.check(network, 8000, 9000)
    free(None)
    memory.check(network, 8000, 9000)


def test_a_result_must_fit_twice(free):
    free(10**9)
    memory.check_result(10_000, 16_000, 480_000_000)
    with pytest.raises(ValueError, match="18000x10000.*1.1 GB, and 1.0 GB"):
        memory.check_result(10_000, 18_000, 540_000_000)
    free(None)
    memory.check_result(10_000, 18_000, 540_000_000)


@pytest.mark.parametrize(("dtype", "size"), [(np.uint8, 1), (np.float32, 4)])
def test_too_large_a_result_is_refused_before_it_is_made(
    network, free, dtype, size
):
    needed = 2 * 3 * 48 * 40 * size
    photo = np.full([12, 10, 3], 99, dtype)
    free(needed - 1)
    with pytest.raises(ValueError, match="40x48 pixels is too large"):
        tiling.transform(network, photo, rows=20)
    free(needed)
    assert tiling.transform(network, photo, rows=20).shape == (48, 40, 3)


def test_what_fits_leaves_room_and_is_not_huge(network, free, monkeypatch):
    pixels = memory.needed_bytes(network, 1, 1)
    side = int((2 * 10**9 / pixels) ** 0.5)
    for gigabytes, expected in ((1, False), (2, False), (4, True)):
        free(gigabytes * 10**9)
        assert memory.fits(network, side, side) == expected
    # Others need the memory too.
    free(10**12)
    assert not memory.fits(network, 2 * side, 2 * side)
    free(1)
    assert memory.fits(network, 100, 100)
    free(None)
    assert memory.fits(network, 2 * side, 2 * side)
    free(1)
    monkeypatch.setattr(
        memory.tf.config, "list_physical_devices", lambda kind: ["GPU:0"]
    )
    assert memory.fits(network, 2 * side, 2 * side)
