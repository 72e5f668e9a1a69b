"""Every experiment can be started as it is written, and its pictures exist."""

import importlib.util
import pathlib
import subprocess
import sys

from PIL import Image
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
EXPERIMENTS = ROOT / "experiments"
STYLES = EXPERIMENTS / "styles"
# Of the distill command; the others are of the train command.
DISTILLATION = EXPERIMENTS / "distill_vgg16.flags"
FLAGFILES = sorted({*EXPERIMENTS.glob("*.flags")} - {DISTILLATION})
DRAWN = ("wave", "mosaic", "swirl", "woodcut")
# Their pictures are not ours to give: passed after --flagfile.
FAMOUS = (
    "composition_vii",
    "great_wave",
    "shipwreck",
    "starry_night",
    "the_scream",
    "udnie",
)
# Trained on pictures of `FAMOUS` too.
OF_PAINTINGS = (*FAMOUS, "great_wave_small", "styles")
# Of whatever picture its user has.
OF_YOURS = ("new_style",)
SUPER_RESOLUTION = tuple(
    f"{prefix}sr_x{factor}_{loss}"
    for prefix in ("", "paper_")
    for factor in (4, 8)
    for loss in ("pixel", "feature")
)

pytestmark = pytest.mark.skipif(
    not EXPERIMENTS.is_dir(), reason="installed without the repository"
)


def _settings(path: pathlib.Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    flags = [line for line in lines if line.startswith("--")]
    return dict(line[2:].split("=", 1) for line in flags)


def _parse(names: list[str]) -> str:
    """Parses flagfiles with the train command's own flags, one by one.

    In a process of its own: absl's flags are global, and other tests may have
    defined theirs.
    """
    script = """
import sys
from absl import flags
import fastnst.train
FLAGS = flags.FLAGS
for name in sys.argv[1:]:
    for flag in FLAGS:
        FLAGS[flag].unparse()
    rest = FLAGS(["train", f"--flagfile=experiments/{name}.flags"])
    assert rest == ["train"], (name, rest)
    assert len(FLAGS.image_size) == len(FLAGS.num_steps), name
    weights = FLAGS.style_weights or FLAGS.style_layers
    assert len(weights) == len(FLAGS.style_layers), name
    print(name, FLAGS.workdir, ",".join(FLAGS.style_layers))
"""
    result = subprocess.run(
        [sys.executable, "-c", script, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def draw_styles():
    """The drawing script, imported as it runs: its folder on the path."""
    sys.path.insert(0, str(STYLES))
    spec = importlib.util.spec_from_file_location(
        "draw_styles", STYLES / "draw_styles.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(STYLES))


def test_the_experiments_of_the_readme_are_all_there():
    names = {path.stem for path in FLAGFILES}
    assert names >= {*DRAWN, *OF_PAINTINGS, *SUPER_RESOLUTION}
    assert names >= {"paper_wave", "quickstart", "smoke"}
    table = (EXPERIMENTS / "README.md").read_text(encoding="utf-8")
    assert not [name for name in names if f"`{name}`" not in table]


def test_train_accepts_every_flagfile():
    names = [path.stem for path in FLAGFILES]
    lines = _parse(names).splitlines()
    assert [line.split()[0] for line in lines] == names
    for name, workdir in (line.split()[:2] for line in lines):
        assert workdir == f"runs/{name}"
    layers = dict(line.split()[::2] for line in lines)
    assert layers["wave"] == "relu1_2,relu2_2,relu3_3,relu4_3"


def test_distill_accepts_its_flagfile():
    script = """
from absl import flags
import fastnst.distill
rest = flags.FLAGS(["distill", "--flagfile=experiments/distill_vgg16.flags"])
assert rest == ["distill"], rest
print(flags.FLAGS.workdir, flags.FLAGS.batch_size % 4)
"""
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stdout.split() == ["runs/distill_vgg16", "0"], result.stderr
    header = DISTILLATION.read_text(encoding="utf-8").split("\n\n")[0]
    for word in ("Run:", "Takes:", "Expect:", "Differs:"):
        assert f"# {word} " in header


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_flagfile(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for line in lines:
        # What absl would misread: indented comments, quotes, `--name value`.
        assert not line or line.startswith("# ") or line == "#" or (
            line.startswith("--")
            and "=" in line
            and not set(line) & set("\"' #")
        ), line
        assert len(line) <= 80 or "http" in line or "--style_" in line
    header = [line for line in lines if line.startswith("#")]
    for word in ("Run:", "Takes:", "Expect:", "Differs:"):
        assert sum(line.startswith(f"# {word} ") for line in header) == 1, word
    assert f"--flagfile=experiments/{path.name}" in text
    settings = _settings(path)
    names = [line.partition("=")[0] for line in lines if line[:2] == "--"]
    assert len(names) == len(set(names))
    if path.stem in OF_PAINTINGS:
        assert "style_image" not in settings
        assert "public domain" in " ".join(text.replace("#", " ").split())
        (line,) = [line for line in header if "--style_image=" in line]
        pictures = line.split("--style_image=")[1].split(",")
        for picture in pictures:
            famous = picture in [f"{name}.jpg" for name in FAMOUS]
            assert famous or (ROOT / picture).is_file()
        if "style_names" in settings:
            names = [pathlib.Path(picture).stem for picture in pictures]
            assert settings["style_names"].split(",") == names
    elif path.stem in OF_YOURS:
        assert "style_image" not in settings
        assert "--style_image=my_style.jpg" in text
    elif path.stem in SUPER_RESOLUTION:
        assert settings["task"] == "super_resolution"
        factor = settings["factor"]
        assert path.stem.endswith(f"sr_x{factor}_{settings['loss']}")
        assert int(settings["image_size"]) % int(factor) == 0
    else:
        assert (ROOT / settings["style_image"]).is_file()


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_flagfiles_say_what_was_not_tuned_and_what_is_random(path):
    text, settings = path.read_text(encoding="utf-8"), _settings(path)
    layers = settings.get("style_layers", "relu4_3 by default")
    small = settings.get("loss_network") == "vgg16_small"
    if path.stem in SUPER_RESOLUTION or small:
        layers = "none"
    assert ("untuned" in text) == ("relu4_3" in layers)
    random = settings.get("vgg16_weights") == "random"
    if random:
        assert "random" in text.split("\n\n")[0]
    # Offline is what needs neither photographs nor the genuine weights.
    if "coco" in settings["content_dataset"]:
        assert settings["download_dataset"] == "true"
    else:
        assert "download_dataset" not in settings
        assert random or small


@pytest.mark.parametrize("name", DRAWN)
def test_style_pictures_are_large_and_full_of_strokes(name):
    path = STYLES / f"{name}.png"
    assert path.stat().st_size < 1_200_000
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"), np.float32)
    assert min(rgb.shape[:2]) >= 512
    colors = np.unique(rgb.reshape(-1, 3).astype(np.uint8), axis=0)
    assert len(colors) >= 200
    # Texture at every place, not only in most: the Gram matrices average over
    # the picture, and flat areas teach the network to draw nothing.
    grey = rgb.mean(-1)
    rows, columns = (side // 32 for side in grey.shape)
    patches = grey[: rows * 32, : columns * 32].reshape(rows, 32, columns, 32)
    contrast = patches.std(axis=(1, 3))
    assert np.quantile(contrast, 0.02) > 4
    assert np.median(contrast) > 14


# The swirl's strokes are as many however small it is: ten seconds.
@pytest.mark.parametrize("name", ["wave", "mosaic", "woodcut"])
def test_drawing_is_deterministic(draw_styles, name):
    first, second = (draw_styles.PICTURES[name](0.2) for _ in range(2))
    assert first.size == second.size
    assert min(first.size) in range(100, 130)
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


def test_small_drawings_show_the_committed_pictures(draw_styles):
    # The waves are drawn by geometry, so a small one is the same print.
    small = draw_styles.PICTURES["wave"](0.25)
    with Image.open(STYLES / "wave.png") as image:
        committed = image.convert("RGB").resize(small.size)
    coarse = [
        np.asarray(picture.resize((24, 18)), np.float32)
        for picture in (small, committed)
    ]
    assert np.abs(coarse[0] - coarse[1]).mean() < 12


def test_save_keeps_the_picture(draw_styles, tmp_path):
    image = draw_styles.PICTURES["woodcut"](0.2)
    draw_styles.save(image, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as saved:
        difference = np.subtract(
            np.asarray(saved.convert("RGB"), np.float32),
            np.asarray(image, np.float32),
        )
    assert np.abs(difference).mean() < 6
