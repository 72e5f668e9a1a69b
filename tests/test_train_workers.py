"""Two worker processes that train one network together, on this machine."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

from PIL import Image
import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import saved_networks

ROOT = pathlib.Path(__file__).parents[1]
_DRIVER = pathlib.Path(__file__).parent / "worker_driver.py"
_FLAGS = (
    "--flagfile=experiments/smoke.flags",
    "--image_size=32",
    "--num_steps=5",
    "--batch_size=4",
    "--checkpoint_every=2",
    # Adam moves a weight by about the learning rate however small its gradient
    # is: the last bits of a gradient near 0, which depend on the processor,
    # must not decide what the weights are compared to.
    "--learning_rate=1e-5",
)
# Processes start and trace; on a busy machine that takes minutes.
_SECONDS = 1200

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3 * _SECONDS),
    pytest.mark.usefixtures("one_residual_block"),
]


def _start(workdir, photos, tf_config=None, **case):
    """Starts a process of the train command."""
    distribution = "multi_worker" if tf_config else "none"
    flags = [
        *_FLAGS,
        f"--content_dataset={photos}",
        f"--distribution={distribution}",
        f"--workdir={workdir}",
    ]
    return subprocess.Popen(
        [sys.executable, str(_DRIVER), json.dumps({"flags": flags, **case})],
        cwd=ROOT,
        env={**os.environ, "TF_CONFIG": tf_config or ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _free_ports(count):
    """Finds ports; TensorFlow takes no 0 and tells nobody which it chose."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _start_workers(workdir, photos, *cases):
    """Starts a process for each worker."""
    cluster = {
        "worker": [f"127.0.0.1:{port}" for port in _free_ports(len(cases))]
    }
    return [
        _start(
            workdir,
            photos,
            json.dumps(
                {"cluster": cluster, "task": {"type": "worker", "index": index}}
            ),
            **case,
        )
        for index, case in enumerate(cases)
    ]


def _finish(processes):
    """Waits for processes; returns (exit code, stdout, stderr) of each."""
    try:
        printed = [one.communicate(timeout=_SECONDS) for one in processes]
    finally:
        for one in processes:
            one.kill()
    return [
        (one.returncode, *texts) for one, texts in zip(processes, printed)
    ]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of eight pictures; that of worker 1 has one that is damaged."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for number in range(8):
        coarse = generator.integers(0, 256, [6, 6, 3]).astype(np.uint8)
        picture = Image.fromarray(coarse).resize((40, 44))
        picture.save(folder / f"{number}.png")
    (folder / "3.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    """The workdir of a training by two workers, and what they printed."""
    workdir = tmp_path_factory.mktemp("workers") / "whole"
    done = _finish(_start_workers(workdir, photos, {}, {}))
    assert [code for code, _, _ in done] == [0, 0], done
    return workdir, done


def _state(directory):
    """Returns the tensors of the last checkpoint of a worker."""
    path = tf.train.latest_checkpoint(str(directory / "checkpoints"))
    assert path.endswith("-5")
    reader = tf.train.load_checkpoint(path)
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    }


def _relative_difference(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def _weights(workdir):
    network = saved_networks.load(workdir)
    return [np.asarray(variable) for variable in network.variables]


def test_both_workers_have_learned_the_same(whole):
    one, two = _state(whole[0]), _state(whole[0] / "worker_1")
    assert one.keys() == two.keys()
    different = {
        name for name in one if not np.array_equal(one[name], two[name])
    }
    # Worker 1 passed over the damaged picture.
    assert {name.split("/")[0] for name in different} == {"data_position"}


def test_worker_0_alone_writes_what_was_learned(whole):
    workdir, (first, second) = whole
    assert "worker 0 of 2" in first[1]
    assert "worker 1 of 2" in second[1]
    assert "validation: " in first[1]
    assert "validation: " not in second[1]
    names = {path.name for path in workdir.iterdir()}
    assert names >= {"network.keras", "network.json", "logs", "validation"}
    others = {path.name for path in (workdir / "worker_1").iterdir()}
    assert others == {"checkpoints", "flags.txt", "lock"}


def test_two_workers_train_as_one_process(whole, photos, tmp_path):
    (done,) = _finish([_start(tmp_path, photos, shards=2)])
    assert done[0] == 0, done
    found, expected = [
        np.concatenate([weight.ravel() for weight in _weights(workdir)])
        for workdir in (whole[0], tmp_path)
    ]
    assert _relative_difference(found, expected) < 1e-4
    # So little is learned that the gradients themselves say more.
    found, expected = [
        np.concatenate(
            [
                values.ravel()
                for name, values in sorted(_state(workdir).items())
                if "optimizer" in name and values.size > 1
            ]
        )
        for workdir in (whole[0], tmp_path)
    ]
    assert found.size > 10_000
    assert _relative_difference(found, expected) < 1e-3
    cards = [
        json.loads((workdir / "network.json").read_text())["losses"]
        for workdir in (whole[0], tmp_path)
    ]
    assert cards[0] == pytest.approx(cards[1], rel=1e-4)


def test_a_worker_is_killed_and_both_are_restarted(whole, photos, tmp_path):
    first, second = _start_workers(tmp_path, photos, {}, {"kill": 4})
    second.wait(_SECONDS)
    killed = time.monotonic()
    ((code, _, errors), _) = _finish([first, second])
    assert time.monotonic() - killed < 30
    assert code == 1
    assert errors.splitlines()[-1].startswith("error: ")
    assert "nother worker is gone" in errors.splitlines()[-1]
    assert not (tmp_path / "network.keras").exists()

    done = _finish(_start_workers(tmp_path, photos, {}, {}))
    assert [code for code, _, _ in done] == [0, 0], done
    pairs = zip(_weights(tmp_path), _weights(whole[0]), strict=True)
    for found, expected in pairs:
        np.testing.assert_array_equal(found, expected)
