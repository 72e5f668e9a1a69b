"""The script of Figures 3 and 4: photo and reconstructions side by side."""

import csv
import pathlib

import numpy as np
import pytest

from fastnst.data import image_files

_SCRIPT = pathlib.Path(__file__).parents[1] / "experiments/reconstructions.py"
_LABEL, _GAP = 28, 8

pytestmark = pytest.mark.skipif(
    not _SCRIPT.is_file(), reason="without the repository"
)


def test_features_bring_the_photo_back_and_style_does_not(
    tmp_path, run_script, write_vgg16
):
    generator = np.random.default_rng(0)
    write_vgg16(tmp_path / "vgg16.h5", generator)
    photo = np.zeros([24, 24, 3], np.uint8)
    photo[:12, :, 0] = 200
    image_files.write_image(tmp_path / "photo.png", photo)
    done = run_script(
        _SCRIPT,
        f"--image={tmp_path}/photo.png",
        f"--vgg16_weights={tmp_path}/vgg16.h5",
        f"--output_dir={tmp_path}",
        "--layers=relu1_2",
        "--size=24",
        "--num_iterations=60",
    )
    assert done.returncode == 0, done.stderr
    differences = []
    for name in ("figure_3.png", "figure_4.png"):
        drawn = image_files.read_image(tmp_path / name).rgb.astype(int)
        assert drawn.shape == (_LABEL + 24 + 2 * _GAP, 2 * (24 + 2 * _GAP), 3)
        rows = drawn[_LABEL : _LABEL + 24]
        np.testing.assert_array_equal(rows[:, _GAP : _GAP + 24], photo)
        optimized = rows[:, 24 + 3 * _GAP :][:, :24]
        differences.append(np.abs(optimized - photo).mean())
    assert differences[0] < 10 < 20 < differences[1]
    with open(tmp_path / "reconstructions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["figure"] for row in rows] == ["figure_3.png", "figure_4.png"]
    decibels = [float(row["psnr"]) for row in rows]
    # A mean difference of 10 is 28 dB at most.
    assert decibels[1] < 20 * np.log10(255 / differences[1]) < decibels[0]
