"""Train, stylize and export with the commands: the same pixels everywhere."""

import os
import pathlib
import subprocess
import sys

from PIL import Image
import numpy as np
import pytest
import tensorflow as tf

import fastnst

ROOT = pathlib.Path(__file__).parents[1]

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (ROOT / "experiments").is_dir(), reason="without the repository"
    ),
]


def _command(verb, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", f"fastnst.{verb}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_from_a_style_picture_to_an_export(tmp_path):
    workdir = tmp_path / "smoke"
    done = _command(
        "train",
        "--flagfile=experiments/smoke.flags",
        "--image_size=32",
        "--num_steps=2",
        f"--workdir={workdir}",
    )
    # Of all that TensorFlow and Keras have to say, nothing.
    (warning,) = done.stderr.splitlines()
    assert "random" in warning and "--vgg16_weights" in warning
    # Of no size that the network was trained on, or can divide by four.
    rows, columns = np.mgrid[:45, :62]
    photo = np.stack([3 * rows, 4 * columns, rows + columns], -1)
    photo = photo.astype(np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    output = tmp_path / "stylized.png"
    done = _command(
        "stylize",
        f"--network={workdir}",
        tmp_path / "photo.png",
        f"--output={output}",
    )
    assert str(output) in done.stdout
    with Image.open(output) as image:
        stylized = np.asarray(image)
    assert stylized.shape == photo.shape
    assert np.any(stylized != photo)

    network = fastnst.load_network(str(workdir))
    np.testing.assert_array_equal(network.stylize(photo), stylized)
    assert network.card["steps"] == 2

    _command(
        "export",
        f"--network={workdir}",
        f"--output_dir={tmp_path}/export",
        "--formats=saved_model",
        "--timed_runs=1",
    )
    (saved,) = (tmp_path / "export").rglob("saved_model.pb")
    transform = tf.saved_model.load(str(saved.parent)).signatures["image"]
    (name,) = transform.structured_input_signature[1]
    result = transform(**{name: tf.constant(photo[None])})
    exported = result["transformed"].numpy()[0].astype(np.int32)
    # One may be rounded up where the other is rounded down.
    assert np.abs(exported - stylized).max() <= 1
