"""The flags of the objective: defaults, and what is refused."""

import hashlib
import pathlib

from absl import flags
import pytest

from fastnst import loss_flags

_STYLES = pathlib.Path(__file__).parents[1] / "experiments" / "styles"


def test_the_default_weights_are_the_released_code_s_five(set_flags):
    # The released code averages over C * C entries and multiplies
    # by 5; eq. (4) sums them.
    weights = loss_flags.style_weights()
    assert weights == {
        "relu1_2": 5 / 64**2,
        "relu2_2": 5 / 128**2,
        "relu3_3": 5 / 256**2,
        "relu4_3": 5 / 512**2,
    }
    set_flags(style_layers=["relu5_1", "relu1_1"])
    assert loss_flags.style_weights() == {
        "relu5_1": 5 / 512**2,
        "relu1_1": 5 / 64**2,
    }


def test_the_small_loss_network_brings_its_layers(set_flags):
    set_flags(loss_network="vgg16_small")
    assert list(loss_flags.style_weights()) == ["relu1_2", "relu2_2", "relu3_3"]
    # Recorded in cards.
    assert loss_flags.STYLE_LAYERS.value == ["relu1_2", "relu2_2", "relu3_3"]
    network = loss_flags.build_loss_network(["relu2_2"], "mixed_bfloat16")
    assert (network.name, network.layers) == ("vgg16_small", ("relu2_2",))
    with pytest.raises(ValueError, match="Received: relu4_3"):
        loss_flags.build_loss_network(["relu4_3"], "float32")


def test_layers_that_are_given_win(set_flags):
    set_flags(loss_network="vgg16_small")
    flags.FLAGS(["test", "--style_layers=relu2_2"])
    assert list(loss_flags.style_weights()) == ["relu2_2"]


def test_the_small_loss_network_has_weights_of_its_own(set_flags):
    set_flags(loss_network="vgg16_small")
    flags.FLAGS(["test", "--vgg16_weights=random"])
    with pytest.raises(ValueError, match="--vgg16_weights does not belong"):
        loss_flags.style_weights()


def test_given_weights_belong_to_their_layers(set_flags):
    set_flags(style_layers=["relu3_3", "relu1_2"], style_weights=["2", "1e-3"])
    assert loss_flags.style_weights() == {"relu3_3": 2.0, "relu1_2": 0.001}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"style_layers": ["relu1_2", "relu1_2"]}, "twice"),
        ({"style_layers": ["relu3_4"]}, "Received: relu3_4"),
        ({"style_layers": []}, "Received: none"),
        ({"style_weights": ["1", "2"]}, "--style_weights.*2 numbers"),
        ({"style_weights": ["1", "2", "3", "x"]}, "--style_weights.*1,2,3,x"),
        ({"style_weights": ["1", "2", "3", "-1"]}, "at least 0"),
        ({"style_weights": ["1", "2", "3", "nan"]}, "Received: 1,2,3,nan"),
        ({"style_weights": ["1", "2", "3", "inf"]}, "Received: 1,2,3,inf"),
        ({"style_weights": []}, "--style_weights"),
    ],
)
def test_weights_that_do_not_fit_are_refused(set_flags, values, words):
    set_flags(**values)
    with pytest.raises(ValueError, match=words):
        loss_flags.style_weights()


def test_styles_are_named_by_their_files_or_as_asked(set_flags):
    set_flags(style_image=["a/wave.jpg", "b/mosaic.x.png"], style_names=None)
    assert loss_flags.style_names() == ["wave", "mosaic.x"]
    set_flags(style_names=["one", "two"])
    assert loss_flags.style_names() == ["one", "two"]


@pytest.mark.parametrize(
    ("pictures", "names", "words"),
    [
        (None, None, "--style_image=FILE is missing"),
        ([], None, "--style_image=FILE is missing"),
        (["a/wave.png", "b/wave.png"], None, "Received: wave,wave"),
        (["a.png", "b.png"], ["one"], "Received: one"),
        (["a.png", "b.png"], ["one", "one"], "Received: one,one"),
        # Results are named after them, and --style=one:0.6,two:0.4 reads them.
        (["a.png"], ["a/b"], "must not.*'a/b'"),
        (["a.png", "b.png"], ["a", ""], "must not be empty"),
        (["my:style.jpg"], None, "my:style"),
    ],
)
def test_every_style_needs_a_name_of_its_own(
    set_flags, pictures, names, words
):
    set_flags(style_image=pictures, style_names=names)
    with pytest.raises(ValueError, match=words):
        loss_flags.style_names()


def test_cards_tell_the_picture_by_its_content(set_flags, tmp_path):
    path = tmp_path / "wave.png"
    path.write_bytes(b"anything")
    set_flags(style_image=[str(path)], style_names=None)
    assert loss_flags.style_pictures() == [
        {
            "name": "wave",
            "path": str(path),
            "sha256": hashlib.sha256(b"anything").hexdigest(),
        }
    ]
    path.unlink()
    with pytest.raises(OSError, match="wave.png"):
        loss_flags.style_pictures()


@pytest.mark.skipif(not _STYLES.is_dir(), reason="without the repository")
def test_the_objective_is_that_of_the_flags(set_flags):
    set_flags(
        style_image=[str(_STYLES / "wave.png"), str(_STYLES / "mosaic.png")],
        style_names=None,
        style_image_size=32,
        style_layers=["relu1_2", "relu2_1"],
        style_weights=["2", "3"],
        style_scales=["1", "0.5"],
        content_layer="relu1_1",
        content_weight=7.0,
        tv_weight=0.5,
        vgg16_weights="random",
    )
    network, objective = loss_flags.build_style_objective()
    assert network.layers == ("relu1_1", "relu1_2", "relu2_1")
    assert objective.num_styles == 2
    # The scales share the weight of a layer.
    assert objective.weights == {
        "content": 7.0,
        "style_relu1_2": 1.0,
        "style_relu2_1": 1.5,
        "style_relu1_2_at_0.5": 1.0,
        "style_relu2_1_at_0.5": 1.5,
        "total_variation": 0.5,
    }
    set_flags(style_scales=["0.3"])
    with pytest.raises(ValueError, match="0.3"):
        loss_flags.build_style_objective()


@pytest.mark.skipif(not _STYLES.is_dir(), reason="without the repository")
def test_a_style_picture_that_is_pooled_to_nothing_is_refused(set_flags):
    set_flags(
        style_image=[str(_STYLES / "wave.png")],
        style_names=None,
        style_image_size=30,
        style_scales=["1", "0.25"],
        vgg16_weights="random",
    )
    with pytest.raises(ValueError, match="wave.png.* at least 32 .*relu4_3"):
        loss_flags.build_style_objective()


def test_a_scale_of_0_is_refused(set_flags):
    set_flags(style_scales=["1", "0"], content_layer="relu1_1")
    with pytest.raises(ValueError, match="--style_scales must be.*1,0"):
        loss_flags.check_content_size("--image_size", (256, 256))
