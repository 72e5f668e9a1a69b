"""Every style that ships is without visible defects; a broken one is not."""

import json
import pathlib

import numpy as np
import pytest

from fastnst.data import image_files
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


def _measure(transformer, style):
    photos = [
        image_files.center_crop(
            image_files.resize_short_side(
                image_files.read_image(path).flattened(), 256
            ),
            256,
        )
        for path in image_files.find_images([str(_EXPERIMENTS / "photos")])
    ]
    return artifacts.measure(
        lambda images: transformer.stylize(images, style),
        photos,
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


def test_all_that_ships_together_is_small():
    files = network_files.PRETRAINED.iterdir()
    assert sum(path.stat().st_size for path in files) < 30e6
