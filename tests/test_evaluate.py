"""The command `evaluate`, run as its users do."""

import csv
import functools
import hashlib
import json
import shutil

from PIL import Image
import numpy as np
import pytest


@pytest.fixture(scope="module")
def evaluate(run_command):
    return functools.partial(run_command, "evaluate")


def _read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, write_vgg16):
    """A tiny network with its card, photos, a style, a cut loss network."""
    from fastnst.networks import saved_networks
    from fastnst.networks import style_transfer_network

    folder = tmp_path_factory.mktemp("evaluate")
    generator = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for name in ("photos/a.png", "photos/b.png", "style.png"):
        noise = generator.integers(0, 256, (20, 26, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((156, 130)).save(folder / name)
    write_vgg16(folder / "vgg16.h5", generator)
    network = style_transfer_network.StyleTransferNetwork(
        width=0.1, style_names=("noise",)
    )
    network.build()
    digest = hashlib.sha256((folder / "style.png").read_bytes()).hexdigest()
    card = {
        "style_images": [{"name": "noise", "sha256": digest}],
        "flags": {
            "content_layer": "relu1_1",
            "style_layers": "relu1_2",
            "style_weights": "0.25",
            "tv_weight": "0.001",
            "style_image_size": "48",
            "preset": "default",
        },
    }
    saved_networks.save(network, folder / "network.keras", card)
    return folder


def _arguments(folder, **changed):
    given = {
        "network": folder,
        "images": folder / "photos",
        "style_image": folder / "style.png",
        "vgg16_weights": folder / "vgg16.h5",
        "output_dir": folder / "results",
        **changed,
    }
    return [f"--{name}={value}" for name, value in given.items()]


def test_objective_takes_the_card_and_lets_flags_win(evaluate, workplace):
    done = evaluate(
        *_arguments(
            workplace,
            table="objective",
            image_size="32,48",
            content_weight=3.0,
            max_iterations=0,
        )
    )
    assert done.returncode == 0, done.stderr
    rows = _read(workplace / "results/objective.csv")
    assert [row["size"] for row in rows] == ["32"] * 10 + ["48"] * 10
    weights = {row["term"]: row["weight"] for row in rows}
    assert weights == {
        "content": "3.0",
        "style_relu1_2": "0.25",
        "style": "",
        "total_variation": "0.001",
        "objective": "",
    }
    raw = _read(workplace / "results/objective_photos.csv")
    values = [
        float(row["weighted"])
        for row in raw
        if row["size"] == "48"
        and row["term"] == "objective"
        and row["image"] == "network"
    ]
    assert len(values) == 2
    assert float(rows[-1]["weighted_mean"]) == pytest.approx(sum(values) / 2)
    assert (workplace / "results/objective.md").read_text() in done.stdout


def test_figure_5_and_a_second_run_that_has_nothing_to_compute(
    evaluate, workplace
):
    results = workplace / "figure"
    arguments = _arguments(
        workplace,
        table="objective",
        image_size="32,40",
        num_images="2,1",
        max_iterations=4,
        output_dir=results,
    )
    done = evaluate(*arguments)
    assert done.returncode == 0, done.stderr
    rows = _read(results / "objective_lbfgs.csv")
    assert [(row["size"], row["start"], row["photos"]) for row in rows] == [
        ("32", "noise", "2"),
        ("32", "content", "2"),
        ("40", "noise", "1"),
        ("40", "content", "1"),
    ]
    markdown = (results / "objective_lbfgs.md").read_text()
    for row in rows:
        bound = "at least " if row["crossed"] != row["photos"] else ""
        side = row["size"]
        assert (
            f"{side}x{side}: the network equals {bound}"
            f"{float(row['iterations']):.1f} iterations of L-BFGS from "
            f"{row['start']}" in markdown
        )
    assert "style layers relu1_2." in markdown
    with Image.open(results / "objective.png") as picture:
        assert picture.size == (2 * 420, 360)
    means = _read(results / "objective_means.csv")
    assert {(row["size"], row["photos"]) for row in means} >= {
        ("32", "2"),
        ("40", "1"),
    }
    curves = results / "objective_curves.csv"
    before = curves.read_bytes()
    own = [r for r in _read(curves) if r["start"] == "content"][0]
    photo = _read(results / "objective_photos.csv")
    (total,) = [
        float(row["weighted"])
        for row in photo
        if (row["size"], row["photo"]) == (own["size"], own["photo"])
        and (row["image"], row["term"]) == ("content image", "objective")
    ]
    assert float(own["objective"]) == pytest.approx(total, rel=1e-4)
    assert float(own["content"]) == 0
    for row in _read(curves):
        terms = ("content", "style", "total_variation")
        assert sum(float(row[term]) for term in terms) == pytest.approx(
            float(row["objective"]), rel=1e-4
        )
    again = evaluate(*arguments)
    assert again.returncode == 0, again.stderr
    assert curves.read_bytes() == before
    assert again.stdout == done.stdout


def test_artifacts_fail_an_untrained_network_or_not_but_say_so(
    evaluate, workplace
):
    done = evaluate(
        *_arguments(workplace, table="artifacts", image_size=128, num_images=1)
    )
    (row,) = _read(workplace / "results/artifacts.csv")
    assert row["photos"] == "1"
    bounds = {"border_ratio", "checkerboard_period_2", "burnt_share"}
    assert bounds < set(row)
    assert done.stderr == ""
    said = [name for name in row if f"128: {name} is" in done.stdout]
    assert done.returncode == int(bool(said))


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"vgg16_weights": "random"}, "--vgg16_weights=random cannot"),
        (
            {"table": "loss_network", "vgg16_weights": "random"},
            "--vgg16_weights=random cannot",
        ),
        ({"loss_network": "vgg16_small"}, "only the genuine network judges"),
        ({"image_size": "32,1", "style_layers": "relu2_1"}, "at least 2 pix"),
        ({"style_image": ""}, "--style_image=FILE"),
        ({"images": ""}, "--images"),
        ({"image_size": "0"}, "--image_size must be whole numbers"),
        ({"image_size": "256,x"}, "--image_size must be whole numbers"),
        ({"image_size": "256,256"}, "each once"),
        ({"num_images": "1,2"}, "--num_images must be a whole number"),
        ({"num_images": "0"}, "--num_images must be a whole number"),
        (
            {"min_iterations": 9, "max_iterations": 8},
            "--min_iterations must be at most --max_iterations, 8. Received: 9",
        ),
    ],
)
def test_bad_flags_are_one_line(evaluate, workplace, changed, expected):
    done = evaluate(*_arguments(workplace, **{"table": "objective", **changed}))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert expected in line


def test_another_style_picture_is_refused(evaluate, workplace):
    done = evaluate(
        *_arguments(
            workplace,
            table="objective",
            style_image=workplace / "photos/a.png",
        )
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "by sha256: noise" in line


def test_speed_uses_the_layers_of_the_card_for_the_slow_method(
    evaluate, workplace
):
    done = evaluate(
        *_arguments(
            workplace,
            table="speed",
            image_size="32,48",
            timed_iterations=21,
            precision="bfloat16",
        )
    )
    assert done.returncode == 0, done.stderr
    rows = _read(workplace / "results/speed.csv")
    assert [row["size"] for row in rows] == ["32", "48"]
    for row in rows:
        assert int(row["evaluations"]) >= int(row["iterations_timed"]) == 21
        assert row["precision"] == "bfloat16"
        seconds = [float(row[f"lbfgs_{n}"]) for n in (100, 300, 500)]
        # 200 more iterations take as long as the 200 before.
        pace = seconds[1] - seconds[0]
        assert seconds[2] - seconds[1] == pytest.approx(pace)
        ratio = seconds[2] / float(row["feed_forward"])
        assert float(row["speed_up_500"]) == pytest.approx(ratio)
    markdown = (workplace / "results/speed.md").read_text()
    assert "content relu1_1, style relu1_2" in markdown
    assert "48x48: 21 iterations" in markdown and "scaled" in markdown


def test_full_speed_times_as_far_as_it_gets(evaluate, workplace, tmp_path):
    done = evaluate(
        *_arguments(
            workplace,
            table="speed",
            image_size="32",
            full=True,
            output_dir=tmp_path,
        )
    )
    assert done.returncode == 0, done.stderr
    (row,) = _read(tmp_path / "speed.csv")
    # So small a picture converges before 500.
    assert 100 < int(row["iterations_timed"]) <= int(row["evaluations"]) <= 600
    seconds = [float(row[f"lbfgs_{n}"]) for n in (100, 300, 500)]
    assert 0 < seconds[0] < seconds[1] < seconds[2]
    assert "those of 100" not in (tmp_path / "speed.md").read_text()


@pytest.fixture
def extended(workplace, tmp_path):
    """Saves the network, its style there before others, and what it learned."""

    def save(**learned):
        path = tmp_path / "extended.keras"
        shutil.copy(workplace / "network.keras", path)
        card = json.loads((workplace / "network.json").read_text())
        card["style_images"][0].update(learned)
        path.with_suffix(".json").write_text(json.dumps(card))
        return path

    return save


def test_a_style_is_measured_as_it_was_learned_not_as_later_ones(
    evaluate, workplace, extended, tmp_path
):
    learned = {"content_layer": "relu1_1", "style_layers": "relu1_1"}
    network = extended(flags={**learned, "style_weights": "7"})
    done = evaluate(
        *_arguments(
            workplace,
            table="objective",
            network=network,
            image_size="32",
            max_iterations=0,
            output_dir=tmp_path / "results",
        )
    )
    assert done.returncode == 0, done.stderr
    rows = _read(tmp_path / "results/objective.csv")
    weights = {row["term"]: row["weight"] for row in rows}
    assert weights["style_relu1_1"] == "7.0"


def test_a_style_that_random_weights_judged_before_others_is_not_measured(
    evaluate, workplace, extended
):
    network = extended(loss_network={"weights": "random"})
    done = evaluate(
        *_arguments(workplace, table="objective", network=network)
    )
    assert done.returncode == 1 and "random weights" in done.stderr


@pytest.mark.parametrize("table", ["objective", "artifacts", "flicker"])
def test_what_random_weights_judged_is_not_measured(evaluate, workplace, table):
    network = workplace / f"random_{table}.keras"
    shutil.copy(workplace / "network.keras", network)
    card = json.loads((workplace / "network.json").read_text())
    card["loss_network"] = {"weights": "random"}
    network.with_suffix(".json").write_text(json.dumps(card))
    done = evaluate(
        *_arguments(workplace, table=table, network=network, image_size=32)
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and "random weights" in line


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"num_images": 2}, "--num_images must be 1"),
        ({"timed_iterations": 19}, "timed_iterations"),
        ({"timed_iterations": 30, "full": True}, "--full times all"),
        ({"max_iterations": 9}, "--max_iterations belongs to --table=obj"),
        ({"precision": "float16"}, "precision"),
    ],
)
def test_speed_refuses(evaluate, workplace, changed, expected):
    done = evaluate(*_arguments(workplace, table="speed", **changed))
    assert done.returncode != 0
    assert expected in done.stderr
    assert not done.stderr.startswith("Traceback")


def test_flicker_of_every_style_needs_no_style_picture(evaluate, workplace):
    done = evaluate(
        *_arguments(
            workplace, table="flicker", image_size="32,48", style_image=""
        )
    )
    assert done.returncode == 0, done.stderr
    rows = _read(workplace / "results/flicker.csv")
    assert [row["size"] for row in rows] == ["32", "48"]
    for row in rows:
        assert (row["style"], row["photos"]) == ("noise", "2")
        beyond = float(row["noise_output"]) - float(row["noise_input"])
        assert float(row["noise"]) == pytest.approx(beyond)
        # Reflected borders and statistics of the frame: no network is still.
        assert float(row["pan"]) > 0
    assert (workplace / "results/flicker.md").read_text() in done.stdout


def test_super_resolution_skips_and_names_what_it_cannot_score(
    evaluate, workplace, tmp_path
):
    shutil.copy(workplace / "photos/a.png", tmp_path / "good.png")
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    Image.new("RGB", (16, 18)).save(tmp_path / "tiny.png")
    results = tmp_path / "results"
    arguments = ["--table=super_resolution", "--factor=4"]
    done = evaluate(
        *arguments, f"--images={tmp_path}", f"--output_dir={results}"
    )
    assert done.returncode == 1
    damaged, tiny, count = done.stderr.splitlines()
    assert "damaged.png: not a readable picture" in damaged
    assert "tiny is too small" in tiny and "16x18" in tiny
    assert count == "skipped: 2 of 3 photos"
    rows = _read(results / "super_resolution_x4_bicubic.csv")
    assert [row["photo"] for row in rows] == ["good", "mean"]
    only = f"--images={tmp_path}/tiny.png"
    done = evaluate(*arguments, only)
    assert done.returncode == 1
    assert "error: None of the photos" in done.stderr
