"""The SavedModel contract of `export/README.md`, signature by signature."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_networks

from fastnst.deployment import saved_model
from fastnst.networks import saved_networks
from fastnst.networks import super_resolution_network

pytestmark = pytest.mark.usefixtures("one_residual_block")
_SIGNATURES = ["serving_default", "jpeg", "image", "image_float"]

# What a server does: load and run, knowing nothing of fastnst.
_SERVER = """
import sys
import numpy as np
import tensorflow as tf
folder, photo, output = sys.argv[1:]
signatures = tf.saved_model.load(folder).signatures
with open(photo, "rb") as file:
    image_bytes = tf.constant([file.read()])
png = signatures["serving_default"](image_bytes=image_bytes)
with open(output, "wb") as file:
    file.write(png["transformed_bytes"].numpy()[0])
assert not any(name.startswith("fastnst") for name in sys.modules)
"""


def _pictures(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, shape, dtype=np.uint8)


def _keras(network, pictures, blend=None):
    options = {} if blend is None else {"style_blend": np.float32(blend)}
    return network(pictures.astype(np.float32), **options).numpy()


def _assert_near(result, expected):
    """Within the bounds promised, before rounding or after."""
    if result.dtype == np.uint8:
        difference = np.abs(result - np.round(expected))
        assert difference.max() <= 1
        assert difference.mean() < 0.01
    else:
        np.testing.assert_allclose(result, expected, atol=0.05)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    network = tiny_networks.style_transfer()
    # Whatever a network computes in, its export computes in float32.
    half = saved_networks.with_dtype_policy(network, "mixed_bfloat16")
    folder = tmp_path_factory.mktemp("exported") / "1"
    saved_model.write(half, folder)
    return network, folder, tf.saved_model.load(str(folder)).signatures


def test_signatures_are_those_of_the_contract(exported):
    _, folder, signatures = exported
    names = _SIGNATURES + [f"{name}_with_style" for name in _SIGNATURES]
    assert sorted(signatures) == sorted(names)
    for name, signature in signatures.items():
        inputs = dict(signature.structured_input_signature[1])
        assert ("style_blend" in inputs) == name.endswith("_with_style")
        if "style_blend" in inputs:
            spec = inputs.pop("style_blend")
            assert (spec.dtype, spec.shape.as_list()) == (tf.float32, [None, 2])
        found = {
            key: (spec.dtype, spec.shape.as_list())
            for key, spec in (inputs | signature.structured_outputs).items()
        }
        if name.startswith(("serving_default", "jpeg")):
            text = (tf.string, [None])
            assert found == {"image_bytes": text, "transformed_bytes": text}
        else:
            dtype = tf.float32 if "float" in name else tf.uint8
            pixels = (dtype, [None, None, None, 3])
            assert found == {"image": pixels, "transformed": pixels}
    contract = json.loads((folder / saved_model.CONTRACT_FILE).read_text())
    assert contract == {
        "contract_version": 1,
        "task": "style_transfer",
        "factor": 1,
        "style_names": ["plain", "bold"],
        "max_pixels": 4 * 2**20,
        "signatures": names,
    }


def test_weights_are_stored_once(exported):
    network, folder, _ = exported
    (data,) = (folder / "variables").glob("*.data-*")
    num_bytes = 4 * sum(int(tf.size(weight)) for weight in network.weights)
    assert num_bytes <= data.stat().st_size < 1.2 * num_bytes


def test_a_server_without_fastnst_gives_the_same_png(exported, tmp_path):
    network, folder, _ = exported
    picture = _pictures(33, 47, 3)
    (tmp_path / "photo.png").write_bytes(tf.io.encode_png(picture).numpy())
    subprocess.run(
        [
            sys.executable,
            "-c",
            _SERVER,
            folder,
            tmp_path / "photo.png",
            tmp_path / "output.png",
        ],
        check=True,
        timeout=120,
    )
    output = (tmp_path / "output.png").read_bytes()
    assert output.startswith(b"\x89PNG")
    decoded = tf.io.decode_png(output).numpy()
    _assert_near(decoded, _keras(network, picture[None])[0])


def test_sizes_may_differ_within_a_batch_of_files(exported):
    network, _, signatures = exported
    pictures = [_pictures(*size, 3) for size in [(1, 1), (33, 47), (64, 20)]]
    files = [tf.io.encode_png(picture) for picture in pictures]
    result = signatures["serving_default"](image_bytes=tf.stack(files))
    for picture, file in zip(pictures, result["transformed_bytes"]):
        decoded = tf.io.decode_png(file).numpy()
        assert decoded.shape == picture.shape
        _assert_near(decoded, _keras(network, picture[None])[0])


@pytest.mark.parametrize("name", ["image", "image_float"])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 3), (3, 33, 47, 3), (2, 5, 64, 3)]
)
def test_any_batch_and_size(exported, name, shape):
    network, _, signatures = exported
    pictures = _pictures(*shape)
    dtype = np.uint8 if name == "image" else np.float32
    images = tf.constant(pictures.astype(dtype))
    result = signatures[name](image=images)["transformed"].numpy()
    assert result.dtype == dtype and result.shape == shape
    _assert_near(result, _keras(network, pictures))
    # Other pictures in the batch change nothing, not even the last bit.
    alone = signatures[name](image=images[-1:])["transformed"].numpy()
    np.testing.assert_array_equal(result[-1:], alone)


def test_each_picture_has_its_blend(exported):
    network, _, signatures = exported
    pictures = _pictures(2, 16, 16, 3)
    images = tf.cast(pictures, tf.float32)
    blends = [[0.0, 1.0], [0.3, 0.7]]
    run = signatures["image_float_with_style"]
    result = run(image=images, style_blend=tf.constant(blends))["transformed"]
    _assert_near(result.numpy(), _keras(network, pictures, blends))
    one = run(image=images, style_blend=tf.constant(blends[:1]))["transformed"]
    _assert_near(one.numpy(), _keras(network, pictures, 2 * blends[:1]))
    assert np.abs(one[1] - result[1]).max() > 1


@pytest.mark.parametrize(
    "blend",
    [
        [[float("nan"), 1.0]],
        [[float("inf"), 0.0]],
        [[-1.0, 2.0]],
        [[0.4, 0.5]],
        [[0.0, 0.0]],
        [[0.5, 0.5], [0.5, 0.6]],
        [[0.5, 0.5]] * 3,
        [[1.0]],
        [[1.0], [1.0]],
        [[0.5, 0.3, 0.2]],
        [[]],
    ],
)
def test_a_blend_that_is_none_is_refused_and_why(exported, blend):
    """For two pictures and two styles; some would broadcast silently."""
    _, _, signatures = exported
    images = tf.zeros([2, 16, 16, 3])
    run = signatures["image_float_with_style"]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="must have 2 weights from 0 to 1"
    ):
        run(image=images, style_blend=tf.constant(blend, tf.float32))
    # Rounded by hand, as three equal weights are.
    kept = run(image=images, style_blend=tf.constant([[0.33, 0.66]]))
    assert np.isfinite(kept["transformed"]).all()


def test_jpeg_gray_and_alpha_files_are_read(exported):
    network, _, signatures = exported
    gray = _pictures(9, 12, 1)
    opaque = np.concatenate([np.repeat(gray, 3, -1), 255 + 0 * gray], -1)
    jpeg = tf.io.encode_jpeg(np.repeat(gray, 3, -1), quality=100)
    files = [tf.io.encode_png(gray), tf.io.encode_png(opaque), jpeg]
    result = signatures["serving_default"](image_bytes=tf.stack(files))
    decoded = [
        tf.io.decode_png(file).numpy() for file in result["transformed_bytes"]
    ]
    expected = _keras(network, np.repeat(gray, 3, -1)[None])[0]
    _assert_near(decoded[0], expected)
    _assert_near(decoded[1], expected)
    expected = _keras(network, tf.io.decode_jpeg(jpeg).numpy()[None])[0]
    _assert_near(decoded[2], expected)


def test_the_signature_jpeg_returns_jpeg(exported):
    network, _, signatures = exported
    picture = np.full((16, 24, 3), (200, 90, 30), np.uint8)
    files = tf.io.encode_png(picture)[None]
    result = signatures["jpeg"](image_bytes=files)["transformed_bytes"][0]
    assert result.numpy().startswith(b"\xff\xd8\xff")
    decoded = tf.io.decode_jpeg(result).numpy().astype(float)
    difference = np.abs(decoded - _keras(network, picture[None])[0])
    assert decoded.shape == (16, 24, 3) and difference.mean() < 8


def test_bad_requests_are_refused_and_the_next_is_answered(exported):
    network, _, signatures = exported
    picture = _pictures(9, 12, 3)
    good = tf.io.encode_png(picture).numpy()
    huge = good[:16] + b"\0\1\0\0\0\1\0\0" + good[24:]
    for name in ("serving_default", "jpeg", "serving_default_with_style"):
        options = {}
        if name.endswith("_with_style"):
            options["style_blend"] = tf.constant([[1.0, 0.0]])
        for bad, message in [
            (b"", "must not be empty"),
            (b"not a picture", "must be a PNG"),
            (huge, "at most 4194304 pixels"),
            (good[:60], None),
        ]:
            with pytest.raises(
                tf.errors.InvalidArgumentError, match=message
            ):
                signatures[name](
                    image_bytes=tf.constant([good, bad]), **options
                )
    result = signatures["serving_default"](image_bytes=tf.constant([good]))
    decoded = tf.io.decode_png(result["transformed_bytes"][0]).numpy()
    _assert_near(decoded, _keras(network, picture[None])[0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most"):
        signatures["image"](image=tf.zeros([5, 1024, 1024, 3], tf.uint8))


def test_warmup_requests_can_be_replayed(exported):
    """Parsed by TensorFlow Serving's own classes where they are installed."""
    apis = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    _, folder, signatures = exported
    path = str(folder / "assets.extra" / "tf_serving_warmup_requests")
    replayed = []
    for record in tf.data.TFRecordDataset(path):
        log = apis.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        signature = signatures[request.model_spec.signature_name]
        inputs = {
            name: tf.constant(tf.make_ndarray(value))
            for name, value in request.inputs.items()
        }
        (result,) = signature(**inputs).values()
        assert result.shape[0] == 1
        replayed.append(request.model_spec.signature_name)
    assert sorted(replayed) == sorted(signatures)


def test_comparison_covers_every_signature(exported):
    network, folder, signatures = exported
    found = saved_model.compare(network, folder, num_runs=1)
    assert {each.product.split()[-1] for each in found} == set(signatures)
    for each in found:
        limit = 16 if "jpeg" in each.product else 1
        assert each.max_difference <= limit
        assert each.mean_difference < 0.05
    (floats,) = [each for each in found if "image_float" == each.product[11:]]
    assert 0 < floats.max_difference < 0.1


def test_a_broken_export_is_refused(exported):
    """Differs in one kernel only."""
    _, folder, _ = exported
    other = tiny_networks.style_transfer()
    kernel = other.blocks[4].weights[0]
    kernel.assign(tf.zeros_like(kernel))
    with pytest.raises(ValueError, match="serving_default differs too much"):
        saved_model.compare(other, folder, num_runs=1)


def test_super_resolution_returns_the_factor_times_the_size(tmp_path):
    keras.utils.set_random_seed(0)
    network = super_resolution_network.SuperResolutionNetwork(4, width=0.125)
    network.build()
    saved_model.write(network, tmp_path / "1")
    signatures = tf.saved_model.load(str(tmp_path / "1")).signatures
    assert sorted(signatures) == sorted(_SIGNATURES)
    pictures = _pictures(2, 5, 8, 3)
    result = signatures["image"](image=tf.constant(pictures))["transformed"]
    assert result.shape == (2, 20, 32, 3)
    _assert_near(result.numpy(), _keras(network, pictures))
    file = tf.io.encode_png(pictures[0])[None]
    result = signatures["serving_default"](image_bytes=file)
    decoded = tf.io.decode_png(result["transformed_bytes"][0]).numpy()
    _assert_near(decoded, _keras(network, pictures[:1])[0])
