"""The command `distill`, run as its users do, and the table that judges it."""

import csv
import hashlib
import json

from PIL import Image
import h5py
import numpy as np
import pytest

from fastnst.networks import loss_network
from fastnst.networks import small_loss_network


@pytest.fixture(scope="module")
def run(run_command):
    def run(command, **flags):
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        return run_command(command, *arguments)

    return run


def _write_vgg16(path, generator):
    inside = 3
    with h5py.File(path, "w") as file:
        for layer in [*loss_network.VGG16_LAYERS][:7]:
            outside = loss_network.num_channels(layer)
            group = file.create_group(loss_network.VGG16_LAYERS[layer])
            kernel = generator.normal(
                0, np.sqrt(2 / (9 * inside)), (3, 3, inside, outside)
            )
            group["kernel"] = kernel.astype(np.float32)
            group["bias"] = np.zeros(outside, np.float32)
            inside = outside


@pytest.fixture(scope="module")
def distilled(run, tmp_path_factory):
    """What two steps leave, and the random VGG16 they learned from."""
    folder = tmp_path_factory.mktemp("distill")
    generator = np.random.default_rng(0)
    _write_vgg16(folder / "vgg16.h5", generator)
    (folder / "photos").mkdir()
    for name in "abc":
        noise = generator.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((72, 54)).save(
            folder / f"photos/{name}.png"
        )
    done = run(
        "distill",
        workdir=folder / "runs/small",
        content_dataset=folder / "photos",
        vgg16_weights=folder / "vgg16.h5",
        networks="wave",
        widths="6,8,10",
        image_size=32,
        batch_size=4,
        num_steps=2,
    )
    assert done.returncode == 0, done.stderr
    assert "loss network: " in done.stdout
    return folder


def test_distill_writes_a_loss_network_and_its_card(distilled):
    path = distilled / "runs/small/vgg16_small.npz"
    small = small_loss_network.SmallLossNetwork(
        small_loss_network.LAYERS, weights=path
    )
    features = small(np.zeros([1, 8, 8, 3], np.float32))
    assert [value.shape[3] for value in features.values()] == [6, 8, 10]
    text = path.with_suffix(".json").read_text(encoding="utf-8")
    assert str(distilled) not in text
    card = json.loads(text)
    assert card["steps"] == 2
    assert card["flags"]["content_dataset"] == "photos"
    assert card["flags"]["widths"] == "6,8,10"
    assert {"features_relu3_3", "grams_relu1_2"} <= set(card["losses"])
    genuine = loss_network.LossNetwork(
        ["relu3_3"], weights=str(distilled / "vgg16.h5")
    )
    assert card["teacher"]["sha256"] == genuine.weights_sha256


def test_the_same_command_again_changes_nothing(run, distilled):
    card = distilled / "runs/small/vgg16_small.json"
    before = card.read_text(encoding="utf-8")
    done = run("distill", flagfile=distilled / "runs/small/flags.txt")
    assert done.returncode == 0, done.stderr
    assert card.read_text(encoding="utf-8") == before


def test_it_goes_on_from_an_earlier_one(run, distilled):
    earlier = distilled / "runs/small/vgg16_small.npz"
    flags = {
        "workdir": distilled / "runs/more",
        "content_dataset": distilled / "photos",
        "vgg16_weights": distilled / "vgg16.h5",
        "init_weights": earlier,
        "image_size": 32,
        "batch_size": 4,
        "num_steps": 1,
    }
    done = run("distill", widths="6,8,12", **flags)
    assert done.returncode == 1
    assert "must be those of --init_weights, 6,8,10" in done.stderr
    done = run("distill", widths="6,8,10", **flags)
    assert done.returncode == 0, done.stderr
    card = json.loads((distilled / "runs/more/vgg16_small.json").read_text())
    digest = hashlib.sha256(earlier.read_bytes()).hexdigest()
    assert card["started_from"] == {"sha256": digest}
    assert card["flags"]["init_weights"] == "vgg16_small.npz"
    with (
        np.load(earlier) as before,
        np.load(distilled / "runs/more/vgg16_small.npz") as after,
    ):
        # One step of the warm-up, 1e-5, is less than float16 sees.
        for name in small_loss_network.CONVOLUTIONS:
            np.testing.assert_allclose(
                after[f"{name}/kernel"], before[f"{name}/kernel"], atol=1e-3
            )


def test_the_table_says_how_well_it_agrees(run, distilled):
    done = run(
        "evaluate",
        table="loss_network",
        images=distilled / "photos",
        stylizers="wave",
        image_size=32,
        vgg16_weights=distilled / "vgg16.h5",
        small_weights=distilled / "runs/small/vgg16_small.npz",
        output_dir=distilled / "results",
    )
    assert done.returncode == 0, done.stderr
    with open(
        distilled / "results/loss_network.csv", newline="", encoding="utf-8"
    ) as file:
        rows = {
            (row["pairs"], row["loss"]): row for row in csv.DictReader(file)
        }
    # Four versions of three photos.
    assert int(rows["all", "content"]["number"]) == 12 * 11 // 2
    # A start in closed form is near already.
    assert float(rows["all", "style"]["spearman"]) > 0.8


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"widths": "24,48"}, "--widths must be three"),
        ({"widths": "24,48,300"}, "--widths must be three"),
        ({"batch_size": 6}, "--batch_size must be a multiple of 4"),
        ({"vgg16_weights": "random"}, "cannot teach"),
        ({"networks": "wave,sr_x4_pixel"}, "sr_x4_pixel, a super_resolution"),
        ({}, "--workdir"),
    ],
)
def test_bad_flags_are_one_line(run, flags, words):
    done = run("distill", **flags)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and words in line
