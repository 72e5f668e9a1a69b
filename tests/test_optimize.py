"""The command `optimize`, run as its users do."""

import re
import signal
import subprocess
import sys

from PIL import Image
import numpy as np
import pytest


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, write_vgg16):
    """A photo, a style picture and a loss network up to relu1_2."""
    folder = tmp_path_factory.mktemp("optimize")
    generator = np.random.default_rng(0)
    for name in ("photo.png", "style.png"):
        noise = generator.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((48, 40)).save(folder / name)
    write_vgg16(folder / "vgg16.h5", generator)
    return folder


def _flags(folder, **flags):
    given = {
        "content_image": folder / "photo.png",
        "style_image": folder / "style.png",
        "content_layer": "relu1_1",
        "style_layers": "relu1_2",
        "vgg16_weights": folder / "vgg16.h5",
        "image_size": 20,
        "style_image_size": 20,
        **flags,
    }
    return [
        f"--{name}={value}"
        for name, value in given.items()
        if value is not None
    ]


# Instead of the flags of the workplace that belong to style transfer.
_FEATURE = {
    "reconstruct": "feature",
    "style_image": None,
    "style_image_size": None,
    "content_layer": None,
    "style_layers": None,
}
_STYLE = {
    "reconstruct": "style",
    "content_image": None,
    "content_layer": None,
    "style_layers": None,
}


@pytest.fixture(scope="module")
def optimize(workplace, run_command):
    """Runs the command with flags beside those of the workplace."""

    def run(**flags):
        return run_command("optimize", *_flags(workplace, **flags))

    return run


def _pixels(path):
    return np.asarray(Image.open(path), np.float64)


def test_style_transfer_with_intermediate_pictures(optimize, workplace):
    output = workplace / "out/stylized.png"
    done = optimize(output=output, num_iterations=6, save_every=3)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in output.parent.iterdir()) == [
        "stylized.png",
        "stylized_0.png",
        "stylized_3.png",
        "stylized_6.png",
    ]
    assert _pixels(output).shape == (20, 24, 3)
    np.testing.assert_array_equal(
        _pixels(output), _pixels(output.with_stem("stylized_6"))
    )
    values = [float(v) for v in re.findall(r"objective (\S+)", done.stdout)]
    assert values[-1] < values[0] / 2
    # The weighted terms are those of the objective.
    line = done.stdout.splitlines()[0]
    terms = re.findall(r"(?:content|style_\w+|variation) ([\d.e+]+)", line)
    assert sum(map(float, terms)) == pytest.approx(values[0], rel=1e-3)
    assert f"written: {output}" in done.stdout


def test_feature_reconstruction_returns_to_the_photo(optimize, workplace):
    output = workplace / "feature.png"
    done = optimize(
        output=output,
        **_FEATURE,
        layer="relu1_1",
        image_size=0,
        num_iterations=10,
    )
    assert done.returncode == 0, done.stderr
    (decibels,) = re.findall(r"relu1_1: ([\d.]+) dB", done.stdout)
    error = np.mean((_pixels(output) - _pixels(workplace / "photo.png")) ** 2)
    assert float(decibels) == pytest.approx(
        10 * np.log10(255**2 / error), abs=0.01
    )
    assert float(decibels) > 20


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_ctrl_c_writes_the_best_image(workplace, number, code):
    output = workplace / f"interrupted_{code}.png"
    flags = _flags(
        workplace,
        output=output,
        **_STYLE,
        layers="relu1_1,relu1_2",
        num_iterations=1000000,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "fastnst.optimize", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stdout:
            if line.startswith("iteration 1 "):
                break
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert "stopping after the running iteration" in errors
    assert rest.endswith(f"written: {output}\n")
    assert _pixels(output).shape == (20, 24, 3)


@pytest.mark.parametrize(
    "flags, expected",
    [
        ({"output": ""}, "--output=FILE"),
        ({"output": "a.xyz"}, "suffix"),
        ({"output": "a.png", "content_image": ""}, "--content_image=FILE"),
        ({"output": "a.png", "style_image": ""}, "--style_image=FILE"),
        ({"output": "a.png", "content_image": "a.png"}, "overwrite an input"),
        (
            {"output": "a.png", "reconstruct": "style", "start": "content"},
            "--reconstruct=style starts from noise",
        ),
        ({"output": "a.png", "layer": "relu1_2"}, "--reconstruct=feature"),
        (
            {"output": "a.png", "reconstruct": "feature", "layers": "relu1_2"},
            "--layers belongs to --reconstruct=style",
        ),
        (
            {"output": "a.png", "start": "content", "noise_contrast": 0.5},
            "--noise_contrast belongs to --start=noise",
        ),
        (
            {"output": "a.png", "loss_network": "vgg16_small"},
            "--vgg16_weights does not belong to --loss_network=vgg16_small",
        ),
        (
            {"output": "a.png", "style_image": "b.png,c.png"},
            "one picture. Received: b.png,c.png",
        ),
        (
            {"output": "a.png", "image_size": 3, "content_layer": "relu3_3"},
            "--content_image must be at least 4 pixels high and wide for "
            "relu3_3. Received: 4x3",
        ),
        (
            {"output": "a.png", "image_size": 1, **_FEATURE},
            "at least 2 pixels high and wide for relu2_2. Received: 1x1",
        ),
        (
            {"output": "a.png", "style_image_size": 3, **_STYLE},
            "--style_image must be at least 4 pixels high and wide for relu3_3",
        ),
        (
            {"output": "a.png", **_FEATURE, "tv_weight": 1.0},
            "--tv_weight belongs to style transfer, without --reconstruct",
        ),
        (
            {"output": "a.png", "reconstruct": "feature"},
            "--style_image belongs to style transfer or --reconstruct=style",
        ),
    ],
)
def test_bad_flags_are_one_line(optimize, workplace, flags, expected):
    done = optimize(**flags)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert expected in line


def test_intermediate_pictures_spare_the_photo(optimize, tmp_path, workplace):
    photo = tmp_path / "kept_3.png"
    Image.fromarray(np.zeros([9, 9, 3], np.uint8)).save(photo)
    before = photo.read_bytes()
    done = optimize(
        output=tmp_path / "kept.png",
        content_image=photo,
        num_iterations=8,
        save_every=3,
        overwrite=True,
    )
    assert done.returncode == 1
    assert f"would overwrite an input, {photo}" in done.stderr
    assert photo.read_bytes() == before


@pytest.mark.parametrize("existing", ["kept.png", "kept_0.png", "kept_6.png"])
def test_existing_outputs_are_kept(optimize, tmp_path, workplace, existing):
    (tmp_path / existing).write_bytes(b"mine")
    done = optimize(
        output=tmp_path / "kept.png",
        num_iterations=8,
        save_every=3,
    )
    assert done.returncode == 1
    assert f"{existing} exists" in done.stderr and "--overwrite" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_bytes() == b"mine"
