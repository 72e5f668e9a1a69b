"""Training and evaluating super-resolution by the commands, as users do."""

import csv
import functools
import json

from PIL import Image
import numpy as np
import pytest

_TRAIN = (
    "train",
    "--task=super_resolution",
    "--width=0.05",
    "--image_size=32",
    "--batch_size=2",
    "--content_dataset=photos",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds photos/ of smooth noise, larger than the patches."""
    folder = tmp_path_factory.mktemp("super_resolution")
    (folder / "photos").mkdir()
    (folder / "empty").mkdir()
    generator = np.random.default_rng(0)
    for number in range(3):
        small = generator.integers(0, 256, (9, 9, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((50, 45))
        picture.save(folder / f"photos/{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(folder, run_command):
    return functools.partial(run_command, cwd=folder)


@pytest.fixture(scope="module")
def trained(run, folder):
    """A training with both terms, stopped and continued."""
    command = (
        *_TRAIN,
        "--workdir=run",
        "--pixel_weight=1",
        "--feature_weight=0.01",
        "--feature_layer=relu1_1",
        "--vgg16_weights=random",
        "--precision=mixed_bfloat16",
        "--num_steps=2",
        "--validation_images=photos/0.png",
    )
    done = run(*command)
    assert done.returncode == 0, done.stderr
    # Finished: the same command has nothing left to do, and says the same.
    again = run(*command)
    assert again.returncode == 0, again.stderr
    assert "network: run/network.keras" in again.stdout
    return done


def test_a_training_leaves_network_card_and_pictures(folder, trained):
    assert "validation: run/validation/0_x4.png" in trained.stdout
    with Image.open(folder / "run/validation/0_x4.png") as picture:
        # low resolution | bicubic | output | truth
        assert picture.size == (4 * 48, 44)
    card = json.loads((folder / "run/network.json").read_text())
    assert card["steps"] == 2 and card["loss_network"]["weights"] == "random"
    scores = card["validation"]["scores"]
    assert set(scores) == {"bicubic", "network"}
    # The network adds little to bicubic when it starts.
    assert scores["network"]["psnr"] == pytest.approx(
        scores["bicubic"]["psnr"], abs=3
    )
    assert "factor 4" in card["validation"]["protocol"]
    text = (folder / "run/flags.txt").read_text()
    for line in (
        "--task=super_resolution",
        "--degradation=paper",
        "--tv_weight=0.0",
        "--resize=patch",
    ):
        assert f"{line}\n" in text
    assert "--style" not in text and "--content_weight" not in text


def test_the_table_has_network_and_bicubic(run, folder, trained):
    done = run(
        "evaluate",
        "--table=super_resolution",
        "--images=photos",
        "--network=run",
        "--crop_border=2",
        "--match_histogram",
        "--output_dir=results",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("protocol: factor 4; low resolution: anti")
    assert "2 pixels of border" in done.stdout
    with open(folder / "results/super_resolution_x4_run.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["photo"], row["row"]) for row in rows] == [
        (photo, row)
        for photo in ("0", "1", "2", "mean")
        for row in ("bicubic", "network")
    ]
    assert all("histogram matching: yes" in row["protocol"] for row in rows)
    mean = np.mean([float(row["psnr"]) for row in rows[1:6:2]])
    assert float(rows[-1]["psnr"]) == pytest.approx(mean)
    text = (folder / "results/super_resolution_x4_run.md").read_text()
    assert text.startswith("Protocol: ") and f"| {mean:.2f}" in text
    assert "grid: energy at multiples of 1/4 cycles" in text
    assert "The paper" not in text
    with Image.open(folder / "results/super_resolution_x4_run_1_1.png") as crop:
        assert crop.size == (4 * 48, 44)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ("--style_image=wave.png --loss=pixel", "--style_image does not"),
        ("", "--loss=pixel"),
        ("--loss=pixel --pixel_weight=2", "Received: both"),
        ("--loss=weights --pixel_weight=0", "above 0"),
        ("--loss=pixel --factor=8 --image_size=36", "multiple of --factor=8"),
        ("--loss=pixel --content_dataset=empty", "empty"),
        ("--loss=pixel --factor=8 --init_network=run", "factor=8"),
    ],
)
def test_what_does_not_fit_is_one_line(
    run, folder, trained, arguments, expected
):
    done = run(*_TRAIN, "--workdir=bad", *arguments.split())
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: ") and expected in line
    assert not (folder / "bad/network.keras").exists()
    for path in (folder / "bad").rglob("flags.txt"):
        path.unlink()


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ("--images=photos", "--factor"),
        ("--images=photos --network=run --factor=8", "must be 4"),
        ("--images=empty --factor=4", "empty"),
    ],
)
def test_tables_that_cannot_be_made_are_one_line(
    run, folder, trained, arguments, expected
):
    done = run(
        "evaluate",
        "--table=super_resolution",
        *arguments.split(),
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and expected in line
