"""fastnst's ways of running a transform network, and the files it exports."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from fastnst.data import image_files
from fastnst.deployment import saved_model
from fastnst.deployment import tflite
from fastnst.inference import transform
from fastnst.networks import saved_networks
from fastnst.networks import style_transfer_network


def through_keras(case, precision: str):
    """`ImageTransformer`, as the commands use it."""
    transformer = transform.ImageTransformer(network(case), precision)
    pictures = case.pictures()
    return lambda: transformer.transform(pictures)


def through_saved_model(case):
    """The signature `image_float` of the SavedModel."""
    loaded = tf.saved_model.load(f"{case.directory}/saved_model")
    signature = loaded.signatures["image_float"]
    pictures = tf.constant(case.pictures())

    def run(owner=loaded):
        # A signature does not keep the variables that it reads alive.
        del owner
        return signature(image=pictures)["transformed"].numpy()

    return run


def write_saved_model(case) -> None:
    """Writes the SavedModel, for pictures of any size, unless it is there."""
    directory = pathlib.Path(case.directory, "saved_model")
    if directory.exists():
        return
    saved_model.write(network(case), directory, max_pixels=0)


def write_tflite(case) -> None:
    """Writes the LiteRT files for one size of picture."""
    for precision, model in tflite.convert(
        network(case), (case.height, case.width), precisions=("fp32", "int8")
    ):
        name = f"{case.name}_{precision}.tflite"
        pathlib.Path(case.directory, name).write_bytes(model)


def bfloat16_difference(case) -> dict[str, float]:
    """Compares bfloat16 with float32 on a free photo, on the 0-255 scale."""
    photo = pathlib.Path(__file__).parents[1] / "photos/astronaut.jpg"
    pixels = image_files.read_image(photo).flattened()
    pixels = image_files.resize_short_side(pixels, min(case[:2]))
    trained = network(case)
    exact, fast = [
        transform.ImageTransformer(trained, precision).transform(
            pixels.astype(np.float32)
        )
        for precision in ("float32", "bfloat16")
    ]
    difference = np.abs(exact - fast)
    return {
        "mean difference": float(difference.mean()),
        "99.9 % of the differences are below": float(
            np.quantile(difference, 0.999)
        ),
        "largest difference": float(difference.max()),
    }


def network(case) -> keras.Model:
    """Returns the trained network of a case, or an untrained one."""
    if case.network:
        return saved_networks.load(case.network)
    keras.utils.set_random_seed(0)
    untrained = style_transfer_network.StyleTransferNetwork()
    untrained.build()
    return untrained
