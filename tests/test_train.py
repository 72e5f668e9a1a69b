"""The train command: what it writes, how it stops, goes on and refuses."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import saved_networks
from fastnst.networks import style_transfer_network

ROOT = pathlib.Path(__file__).parents[1]
_DRIVER = pathlib.Path(__file__).parent / "train_driver.py"
_STYLES = {
    name: f"experiments/styles/{name}.png" for name in ("mosaic", "wave")
}
_TWO_STYLES = f"--style_image={','.join(_STYLES.values())}"
_SMOKE = ("--flagfile=experiments/smoke.flags", "--width=0.125")
_STAGES = (
    "--image_size=32,48",
    "--num_steps=6,4",
    "--checkpoint_every=3",
    _TWO_STYLES,
)
_SHORT = ("--image_size=32", "--num_steps=2")
# Of a checkpoint of this network, which takes 360 kB.
_FULL = 100_000

# On a busy machine; the runs are counted to the first test that needs them.
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("one_residual_block"),
]


def _environment(folder):
    """Returns an environment without a network and without downloads."""
    return {
        **os.environ,
        "KERAS_HOME": str(folder / "keras"),
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }


def _drive(folder, cases):
    """Runs named cases in one process; see `train_driver.py`."""
    given = [
        {**case, "flags": [*_SMOKE, *case["flags"]]} for case in cases.values()
    ]
    done = subprocess.run(
        [sys.executable, _DRIVER, json.dumps(given)],
        cwd=ROOT,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=800,
    )
    if done.returncode:
        return done
    results = json.loads(done.stdout.splitlines()[-1])
    return dict(zip(cases, results, strict=True))


def _cases(folder):
    """Returns the cases that share a process, in the order of their runs."""
    (folder / "empty").mkdir()
    (folder / "file").write_text("")
    stages = [*_STAGES, f"--workdir={folder}/stopped"]
    short = [*_SHORT, f"--workdir={folder}/short"]

    def bad(*flags):
        return {"flags": [*_SHORT, f"--workdir={folder}/bad", *flags]}

    return {
        "sigterm": {"flags": stages, "signal": signal.SIGTERM, "step": 2},
        "full": {"flags": stages, "limit": _FULL},
        "sigint": {"flags": stages, "signal": signal.SIGINT, "step": 6},
        "rest": {"flags": stages},
        "again": {"flags": [f"--flagfile={folder}/stopped/flags.txt"]},
        "other width": {"flags": [*stages, "--width=0.25"]},
        "other loss": {"flags": [*stages, "--vgg16_weights=a.h5"]},
        "locked": {"flags": stages, "hold": f"{folder}/stopped/lock"},
        "corrected 1": {"flags": [*short, f"--content_dataset={folder}/empty"]},
        "bfloat16": {"flags": [*short, "--precision=mixed_bfloat16"]},
        "init": {
            "flags": [
                *_SHORT,
                "--jit_compile=true",
                f"--workdir={folder}/init",
                f"--init_network={folder}/stopped",
                _TWO_STYLES,
            ]
        },
        "new style": {
            "flags": [
                *_SHORT,
                f"--workdir={folder}/new",
                f"--init_network={folder}/stopped",
                "--train=style_parameters",
                "--style_image=experiments/styles/swirl.png",
            ]
        },
        "unknown flag": bad("--widht=1"),
        "style weights": bad("--style_weights=1"),
        "nan weight": bad("--style_weights=1,nan"),
        "unknown layer": bad("--style_layers=relu3_4"),
        "content layer": bad("--content_layer=conv1"),
        "stages": bad("--image_size=32,64"),
        "no style": bad("--style_image=missing.png"),
        "style is text": bad("--style_image=README.md"),
        "style name": bad("--style_names=a=b"),
        "no workdir": bad("--workdir="),
        "workdir is a file": bad(f"--workdir={folder}/file/w"),
        "no content": bad(f"--content_dataset={folder}/missing"),
        "empty content": bad(f"--content_dataset={folder}/empty"),
        "no coco": bad(
            "--content_dataset=coco/2014", f"--data_dir={folder}/empty"
        ),
        "init width": bad(f"--init_network={folder}/stopped", "--width=0.25"),
        "train alone": bad("--train=style_parameters"),
        "known style": bad(
            f"--init_network={folder}/stopped", "--train=style_parameters"
        ),
        "init missing": bad("--init_network=nowhere"),
        "no photo": bad("--validation_images=missing.jpg"),
        "no imagenet": bad("--vgg16_weights=imagenet"),
        "no vgg16": bad("--vgg16_weights=missing.h5"),
        "not finite": bad("--content_weight=1e38"),
        "leftover": bad("width=1"),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def runs(folder):
    """All runs, on two cores: name to the result of a case or process."""
    step = random.Random(os.getpid()).randint(2, 9)
    killed = [*_STAGES, f"--workdir={folder}/killed"]

    def alone():
        kill = {"flags": killed, "signal": signal.SIGKILL, "step": step}
        first = _drive(folder, {"killed": kill})
        whole = [*_STAGES, f"--workdir={folder}/whole"]
        rest = {"restarted": {"flags": killed}, "whole": {"flags": whole}}
        return {"killed": first, **_drive(folder, rest)}

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        processes = pool.submit(alone)
        cases = pool.submit(_drive, folder, _cases(folder)).result()
        assert isinstance(cases, dict), cases.stderr
        return {"step": step, **processes.result(), **cases}


def _error(result):
    """Returns the one line that a refused command wrote."""
    assert result["code"] == 1, result
    (line,) = result["stderr"].splitlines()
    assert line.startswith("error: ")
    return line


def _weights(workdir):
    return [
        np.asarray(variable)
        for variable in saved_networks.load(workdir).variables
    ]


def _assert_same_network(workdir, other):
    pairs = zip(_weights(workdir), _weights(other), strict=True)
    for found, expected in pairs:
        np.testing.assert_array_equal(found, expected)


def _events(workdir):
    """Returns (step, tag) -> value of all event files; each must be once."""
    found = {}
    for path in (workdir / "logs").iterdir():
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                assert (event.step, value.tag) not in found
                found[event.step, value.tag] = tf.make_ndarray(value.tensor)
    return found


def test_a_whole_training(runs, folder):
    done, workdir = runs["whole"], folder / "whole"
    assert done["code"] == 0, done
    lines = done["stdout"].splitlines()
    assert lines[0].startswith("devices: ")
    assert "precision: float32; XLA: off" in lines[0]
    assert any(line.startswith("step 10/10") for line in lines)
    assert f"network: {workdir / 'network.keras'}" in lines
    assert sorted(path.name for path in workdir.iterdir()) == [
        "checkpoints",
        "flags.txt",
        "lock",
        "logs",
        "network.json",
        "network.keras",
        "validation",
    ]
    pictures = sorted((workdir / "validation").iterdir())
    assert [path.name for path in pictures] == [
        "content_0_mosaic.png",
        "content_0_wave.png",
        "content_1_mosaic.png",
        "content_1_wave.png",
    ]
    for path in pictures:
        assert any(line.endswith(str(path)) for line in lines)
    names = {path.name for path in (workdir / "checkpoints").glob("*.index")}
    assert names == {"ckpt-9.index", "ckpt-10.index"}


def _style_images(**pictures):
    """What a card says of style pictures."""
    return [
        {
            "name": name,
            "path": path,
            "sha256": hashlib.sha256((ROOT / path).read_bytes()).hexdigest(),
        }
        for name, path in pictures.items()
    ]


def test_the_card(runs, folder):
    card = json.loads((folder / "whole" / "network.json").read_text())
    assert card["description"] == "mosaic, wave: 10 steps"
    command = ["python", "-m", "fastnst.train", *_SMOKE, *_STAGES]
    assert card["command"].split() == [*command, f"--workdir={folder}/whole"]
    assert card["flags"]["num_steps"] == "6,4"
    assert card["flags"]["tv_weight"] == "2e-06"
    assert card["steps"] == card["total_steps"] == 10
    assert card["style_images"] == _style_images(**_STYLES)
    assert card["loss_network"] == {
        "name": "VGG16",
        "weights": "random",
        "sha256": None,
    }
    losses = card["losses"]
    np.testing.assert_allclose(
        losses["loss"],
        sum(v for n, v in losses.items() if n.startswith("weighted_")),
        rtol=1e-6,
    )
    # Two images a step, one in each style.
    np.testing.assert_allclose(
        (losses["style_of_mosaic"] + losses["style_of_wave"]) / 2,
        losses["weighted_style_relu1_2"] + losses["weighted_style_relu2_2"],
        rtol=1e-5,
    )
    assert not [name for name in losses if "/" in name]


def test_tensorboard_has_every_term_from_the_first_step(runs, folder):
    events = _events(folder / "whole")
    terms = ("content", "style_relu1_2", "style_relu2_2", "total_variation")
    for step in range(1, 11):
        tags = {tag for at, tag in events if at == step}
        assert tags >= {
            "objective/total",
            "training/learning_rate",
            "training/images_per_second",
            *(f"objective_terms/{term}" for term in terms),
            *(f"objective_weighted/{term}" for term in terms),
            *(f"styles/{name}" for name in _STYLES),
        }
        assert events[step, "training/learning_rate"] == np.float32(1e-3)
    pictures = {step for step, tag in events if tag == "validation/1"}
    assert pictures == {0, 2, 4, 6, 8, 10}
    width, height, png = events[0, "validation/0"]
    # The photo, and beside it each style.
    assert (int(width), int(height)) == (3 * 32, 32)
    content = tf.io.decode_png(png).numpy()[:, :32]
    later = tf.io.decode_png(events[10, "validation/0"][2]).numpy()
    np.testing.assert_array_equal(later[:, :32], content)
    assert np.any(later[:, 32:64] != content)
    assert np.any(later[:, 32:64] != later[:, 64:])


def test_killed_at_a_random_step_and_restarted(runs, folder):
    assert runs["killed"].returncode == -signal.SIGKILL, runs["killed"]
    assert runs["restarted"]["code"] == 0, runs["restarted"]
    message = f"killed at step {runs['step']}"
    try:
        _assert_same_network(folder / "killed", folder / "whole")
        found, expected = _events(folder / "killed"), _events(folder / "whole")
        assert set(found) == set(expected)
        for key, value in expected.items():
            if "images_per_second" not in key[1]:
                np.testing.assert_array_equal(found[key], value)
    except AssertionError as error:
        raise AssertionError(message) from error


def test_stopped_by_signals_and_a_full_disk_and_continued(runs, folder):
    assert runs["sigterm"]["code"] == 143
    assert runs["sigint"]["code"] == 130
    for name, step in (("sigterm", 2), ("sigint", 6)):
        assert f"stopped after step {step}" in runs[name]["stdout"]
        assert "the same command continues" in runs[name]["stdout"]
        assert "Traceback" not in runs[name]["stderr"]
    assert "File too large" in _error(runs["full"])
    assert runs["rest"]["code"] == 0, runs["rest"]
    _assert_same_network(folder / "stopped", folder / "whole")
    assert set(_events(folder / "stopped")) == set(_events(folder / "whole"))


def test_a_finished_training_says_so_again_and_keeps_its_losses(runs, folder):
    # Started by its own flags.txt.
    assert runs["again"]["code"] == 0, runs["again"]
    assert "step" not in runs["again"]["stdout"]
    assert f"network: {folder}/stopped" in runs["again"]["stdout"]
    card = json.loads((folder / "stopped" / "network.json").read_text())
    assert card["steps"] == 10
    assert card["losses"]["loss"] > 0


def test_what_belongs_to_others_is_refused(runs, folder):
    line = _error(runs["other width"])
    assert "--width=0.125" in line and "--width=0.25" in line
    assert "loss network=random" in _error(runs["other loss"])
    line = _error(runs["locked"])
    assert "Another training (process " in line and "--workdir" in line


def test_a_corrected_command_may_use_the_workdir(runs):
    assert "empty" in _error(runs["corrected 1"])
    assert runs["bfloat16"]["code"] == 0, runs["bfloat16"]


def test_mixed_precision_saves_a_float32_network(runs, folder):
    assert "precision: mixed_bfloat16" in runs["bfloat16"]["stdout"]
    network = saved_networks.load(folder / "short")
    assert network.dtype_policy.name == "float32"
    assert {str(v.dtype) for v in network.variables} == {"float32"}
    layers = network._flatten_layers()
    assert {str(layer.compute_dtype) for layer in layers} == {"float32"}
    # Not rounded to bfloat16 on the way from the checkpoint.
    exact = style_transfer_network.StyleTransferNetwork(width=0.125)
    exact.build()
    state = tf.train.Checkpoint(transform_network=list(exact.variables))
    state.restore(str(folder / "short/checkpoints/ckpt-2")).expect_partial()
    for found, expected in zip(network.variables, exact.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_init_network_counts_all_steps_with_xla(runs, folder):
    assert runs["init"]["code"] == 0, runs["init"]
    assert "XLA: on" in runs["init"]["stdout"]
    card = json.loads((folder / "init" / "network.json").read_text())
    assert (card["steps"], card["total_steps"]) == (2, 12)
    assert card["description"] == "mosaic, wave: 12 steps"
    started = card["started_from"]
    assert started["steps"] == 10
    path = folder / "stopped" / "network.keras"
    # The workdir was used again by no run that changed the network.
    assert started["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert saved_networks.load(folder / "init").num_styles == 2


def test_a_new_style_is_added_to_a_network_that_stays_as_it_was(runs, folder):
    assert runs["new style"]["code"] == 0, runs["new style"]
    # Scales and shifts of 72 channels, at an eighth of the width.
    assert "trained: 144 of " in runs["new style"]["stdout"]
    found, old = _weights(folder / "new"), _weights(folder / "stopped")
    for now, before in zip(found, old, strict=True):
        assert now[: len(before)].tobytes() == before.tobytes()
    network = saved_networks.load(folder / "new")
    assert network.style_names == ("mosaic", "wave", "swirl")
    card = json.loads((folder / "new" / "network.json").read_text())
    assert card["description"] == "mosaic, wave, swirl: 12 steps"
    before = json.loads((folder / "stopped" / "network.json").read_text())
    learned = {name: before[name] for name in ("flags", "loss_network")}
    *known, new = card["style_images"]
    assert known == [{**learned, **old} for old in before["style_images"]]
    assert [new] == _style_images(swirl="experiments/styles/swirl.png")
    pictures = sorted((folder / "new" / "validation").iterdir())
    assert [path.name for path in pictures] == [
        "content_0_swirl.png",
        "content_1_swirl.png",
    ]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("style weights", ["--style_weights", "Received: 1 numbers"]),
        ("nan weight", ["--style_weights", "1,nan"]),
        ("unknown layer", ["relu3_3", "Received: relu3_4"]),
        ("content layer", ["relu3_3", "Received: conv1"]),
        ("stages", ["--image_size", "--num_steps", "2 sizes and 1"]),
        ("no style", ["missing.png"]),
        ("style is text", ["README.md"]),
        ("style name", ["--style_names", "'a=b'"]),
        ("no workdir", ["--workdir=DIR"]),
        ("workdir is a file", ["file"]),
        ("no content", ["missing"]),
        ("empty content", ["empty"]),
        ("no coco", ["coco/2014", "--download_dataset"]),
        ("init width", ["--init_network", "width=0.25", "width=0.125"]),
        ("train alone", ["--train=style_parameters", "--init_network"]),
        ("known style", ["mosaic, wave", "Received: mosaic"]),
        ("init missing", ["nowhere"]),
        ("no photo", ["missing.jpg"]),
        ("no imagenet", ["VGG16", "https://", "--vgg16_weights=FILE"]),
        ("no vgg16", ["--vgg16_weights", "missing.h5"]),
        ("not finite", ["content is inf at step 1", "--learning_rate"]),
        ("leftover", ["--name=value", "width=1"]),
    ],
)
def test_refused_in_one_line(runs, case, words):
    line = _error(runs[case])
    for word in words:
        assert word in line
    # Nothing waited for a network that is not there.
    assert runs[case]["seconds"] < 60


def test_an_unknown_flag_is_refused_by_absl(runs):
    assert runs["unknown flag"]["code"] == 1
    assert "Unknown command line flag 'widht'" in runs["unknown flag"]["stderr"]
    assert "Traceback" not in runs["unknown flag"]["stderr"]


def test_ctrl_c_before_the_first_step(tmp_path):
    command = [sys.executable, "-m", "fastnst.train", *_SMOKE, *_SHORT]
    with subprocess.Popen(
        [*command, f"--workdir={tmp_path}/w"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().startswith("devices: ")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=200)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1] == "stopped"
