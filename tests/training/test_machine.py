"""What a training says about the machine before it starts."""

import importlib.metadata
import platform

import pytest
import tensorflow as tf

from fastnst.training import machine


def test_devices_precision_and_xla_are_named():
    (line, *_) = machine.describe("mixed_bfloat16", True)
    for device in tf.config.list_logical_devices():
        assert device.name.removeprefix("/device:") in line
    assert line.endswith("precision: mixed_bfloat16; XLA: on")


@pytest.mark.parametrize(
    ("driver", "gpus", "told"),
    [(True, [], True), (True, ["a GPU"], False), (False, [], False)],
)
def test_a_driver_without_a_gpu_is_told_with_what_mends_it(
    monkeypatch, driver, gpus, told
):
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    monkeypatch.setattr(machine.pathlib.Path, "exists", lambda path: driver)
    monkeypatch.setattr(
        machine.tf.config, "list_physical_devices", lambda kind: gpus
    )
    _, *more = machine.describe("float32", False)
    assert len(more) == told
    assert all("pip install 'tensorflow[and-cuda]'" in line for line in more)


def test_versions_are_those_installed():
    versions = machine.versions()
    assert versions["python"] == platform.python_version()
    assert versions["tensorflow"] == tf.__version__
    assert versions["numpy"] == importlib.metadata.version("numpy")
