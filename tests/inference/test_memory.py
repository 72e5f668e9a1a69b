"""What the memory cannot hold is refused before it is tried."""

import pytest

from fastnst.inference import memory
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
    # Measured on the CPU: 5.0, 13.6 and 17.0 kB a low-resolution pixel.
    for network, measured in ((small, 5032), (wide, 13641), (large, 16984)):
        found = memory.upscaling_bytes(network, 1, 1)
        assert measured <= found <= 1.25 * measured
        assert memory.upscaling_bytes(network, 30, 20) == 600 * found


def test_too_large_a_picture_is_refused_with_the_numbers(network, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**9)
    monkeypatch.setattr(
        memory.tf.config, "list_physical_devices", lambda kind: []
    )
    memory.check_upscaling(network, 100, 100)
    with pytest.raises(ValueError, match="9000x8000.*1.0 GB are free"):
        memory.check_upscaling(network, 8000, 9000)
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    memory.check_upscaling(network, 8000, 9000)
