"""Every style that ships is without visible defects; a broken one is not."""

import json
import pathlib

import numpy as np
import pytest

from fastnst.data import image_files
from fastnst.data import low_resolution
from fastnst.evaluation import artifacts
from fastnst.inference import transform
from fastnst.networks import network_files

_EXPERIMENTS = pathlib.Path(__file__).parents[1] / "experiments"
_NETWORKS = {
    name: network_files.describe(name).styles
    for name in network_files.list_networks()
}
_STYLES = [
    (name, style)
    for name, styles in _NETWORKS.items()
    for style in styles
]

pytestmark = pytest.mark.skipif(
    not _EXPERIMENTS.is_dir(), reason="without the repository"
)


_ENLARGING = [name for name, styles in _NETWORKS.items() if not styles]


def _photos():
    return [
        image_files.center_crop(
            image_files.resize_short_side(
                image_files.read_image(path).flattened(), 256
            ),
            256,
        )
        for path in image_files.find_images([str(_EXPERIMENTS / "photos")])
    ]


def _measure(transformer, style):
    return artifacts.measure(
        lambda images: transformer.stylize(images, style),
        _photos(),
        _style_picture(style),
    )


def _style_picture(style):
    """A picture as saturated as the style's, which is not in the repository."""
    text = (_EXPERIMENTS / "model_cards.json").read_text(encoding="utf-8")
    share = json.loads(text)["styles"].get(style, {}).get("saturated_share", 0)
    picture = np.full([100, 100, 3], 128, np.uint8)
    picture.reshape(-1, 3)[: round(share * 10_000)] = 255
    return picture


@pytest.mark.parametrize(("name", "style"), _STYLES)
def test_a_style_that_ships_is_without_defects(name, style):
    transformer = transform.ImageTransformer.load(name)
    assert artifacts.failures(_measure(transformer, style)) == []


def _burn(network):
    network.to_pixels.kernel.assign(10.0 * network.to_pixels.kernel)


def _draw_a_frame(network):
    # Zeros around the features instead of their reflection.
    network.blocks[0].convolution.padding = "same"
    network.to_pixels.padding = "same"


def _draw_a_grid(network):
    # A convolution of stride 1/2, its pixels made by kernels of different size.
    network.blocks[-1].convolution.upsampling = "transposed"


def _draw_a_coarse_grid(network):
    # A block sooner: enlarged once more, its grid has twice the period.
    network.blocks[-2].convolution.upsampling = "transposed"


@pytest.mark.parametrize(
    ("damage", "measure"),
    [
        (_burn, "burnt_share"),
        (_draw_a_frame, "border_ratio"),
        (_draw_a_grid, "checkerboard_period_2"),
        (_draw_a_coarse_grid, "checkerboard_period_4"),
    ],
)
def test_a_broken_network_exceeds_the_bounds(damage, measure):
    transformer = transform.ImageTransformer.load("great_wave")
    damage(transformer.network)
    failures = artifacts.failures(_measure(transformer, "great_wave"))
    assert measure in [line.split()[0] for line in failures]


def _measure_enlarged(factor, upscale):
    """Measures pictures that were made smaller before, by means of squares."""

    def enlarged(images):
        squares = images.reshape(
            1,
            images.shape[1] // factor,
            factor,
            images.shape[2] // factor,
            factor,
            3,
        )
        small = squares.mean((2, 4), dtype=np.float32)
        return np.clip(upscale(small), 0, 255)

    gray = np.full([8, 8, 3], 128, np.uint8)
    return artifacts.measure(enlarged, _photos(), gray)


def _enlarging_failures(transformer):
    # Edges of saturated colors overshoot in bicubic too; the ratio of border
    # to center means nothing where the center is exact.
    factor = transformer.network.factor
    found = _measure_enlarged(factor, transformer.upscale)
    bicubic = _measure_enlarged(
        factor, lambda small: low_resolution.upscale_bicubic(small, factor)
    )
    bounds = {
        "border_ring": 3.0,
        "checkerboard_period_2": artifacts.BOUNDS["checkerboard_period_2"],
        "checkerboard_period_4": artifacts.BOUNDS["checkerboard_period_4"],
        "burnt_share": bicubic.burnt_share + 0.03,
    }
    return [name for name in bounds if getattr(found, name) > bounds[name]]


@pytest.mark.parametrize("name", _ENLARGING)
def test_super_resolution_that_ships_is_without_defects(name):
    transformer = transform.ImageTransformer.load(name)
    assert _enlarging_failures(transformer) == []


def test_broken_super_resolution_exceeds_the_bounds():
    transformer = transform.ImageTransformer.load("sr_x4_feature")
    kernel = transformer.network.last.kernel
    kernel.assign(10.0 * kernel)
    assert _enlarging_failures(transformer) == ["border_ring", "burnt_share"]


@pytest.mark.parametrize("name", list(_NETWORKS))
def test_float16_on_disk_is_not_seen(name):
    # The weights before rounding are not kept: others that round to these.
    photo = _photos()[0].astype(np.float32)
    if name in _ENLARGING:
        photo = photo[:64, :64]
    transformer = transform.ImageTransformer.load(name)
    before = transformer.transform(photo)
    generator = np.random.default_rng(0)
    moved = []
    for weight in transformer.network.get_weights():
        steps = generator.uniform(-0.5, 0.5, weight.shape)
        moved.append(weight + steps * np.spacing(weight.astype(np.float16)))
    transformer.network.set_weights(moved)
    difference = np.abs(transformer.transform(photo) - before).max()
    assert 0 < difference < 1


def test_all_that_ships_together_is_small():
    files = network_files.PRETRAINED.iterdir()
    assert sum(path.stat().st_size for path in files) < 30e6
