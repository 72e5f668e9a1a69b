"""What the small loss network saves.

    python experiments/benchmarks/loss_networks.py --output_dir=results

Times, in turn, the part of a training step that belongs to the loss network
(features of the content images; losses of the stylized images and their
gradient) and the whole step, with VGG16 to relu3_3 and with vgg16_small.
Prints and writes a table: milliseconds, medians of the rounds, and how many
times faster the small one is, beside what Amdahl's law allows if it cost
nothing. VGG16 has random weights, which take as long as any.
"""

import pathlib
import statistics
import time

from absl import flags
import keras
import numpy as np
import tensorflow as tf
import work

from fastnst import command_line
from fastnst import flag_values
from fastnst.evaluation import tables
from fastnst.networks import loss_network
from fastnst.networks import small_loss_network
from fastnst.networks import style_transfer_network
from fastnst.training import style_objective
from fastnst.training import style_transfer_trainer

_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 256, "Side, pixels.", lower_bound=16
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 4, "Images per step.", lower_bound=1
)
_ROUNDS = flags.DEFINE_integer(
    "rounds", 5, "Of each, in turn.", lower_bound=1
)
_WIDTHS = flags.DEFINE_list(
    "widths", ["1", "0.5"], "Widths of the transform network."
)
_PRECISION = flags.DEFINE_enum(
    "precision", "float32", ["float32", "mixed_bfloat16"], "Computed in."
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", ".", "Where the table goes.")
_LAYERS = small_loss_network.LAYERS


def main(argv: list[str]) -> None:
    """Measures and prints."""
    del argv
    widths = flag_values.numbers("widths", _WIDTHS.value)
    objectives = {
        name: _objective(network) for name, network in _networks().items()
    }
    steps = {
        ("loss network", name): _loss_network_step(objective)
        for name, objective in objectives.items()
    }
    for width in widths:
        for name, objective in objectives.items():
            steps[f"step at width {width:g}", name] = _whole_step(
                objective, width
            )
    seconds = _medians(steps)
    parts = list(dict.fromkeys(part for part, _ in steps))
    names = list(objectives)
    part_of_vgg16 = seconds["loss network", names[0]]
    rows = []
    for part in parts:
        genuine, small = (seconds[part, name] for name in names)
        limit = None
        if part != "loss network":
            limit = genuine / (genuine - part_of_vgg16)
        rows.append((part, 1e3 * genuine, 1e3 * small, genuine / small, limit))
    header = ("part", *(f"{name}, ms" for name in names), "faster", "limit")
    directory = pathlib.Path(_OUTPUT_DIR.value)
    directory.mkdir(parents=True, exist_ok=True)
    name = f"loss_networks_{_IMAGE_SIZE.value}_{_PRECISION.value}"
    print(tables.write(directory, name, header, rows, [_work()]))


def _networks() -> dict:
    compute_dtype = _PRECISION.value.removeprefix("mixed_")
    return {
        "VGG16": loss_network.LossNetwork(
            _LAYERS, weights="random", compute_dtype=compute_dtype
        ),
        "vgg16_small": small_loss_network.SmallLossNetwork(
            _LAYERS, compute_dtype=compute_dtype
        ),
    }


def _pictures() -> tf.Tensor:
    size = _IMAGE_SIZE.value
    noise = np.random.default_rng(0).uniform(
        0, 255, [_BATCH_SIZE.value, size, size, 3]
    )
    return tf.constant(noise.astype(np.float32))


def _objective(network) -> style_objective.StyleObjective:
    return style_objective.StyleObjective(
        network,
        [_pictures()[0]],
        content_layer=_LAYERS[-1],
        content_weight=1.0,
        style_weights={
            layer: 5.0 / loss_network.num_channels(layer) ** 2
            for layer in _LAYERS
        },
        tv_weight=2e-6,
    )


def _loss_network_step(objective):
    @tf.function
    def step(content_images, stylized_images):
        content_features = objective.content_features(content_images)
        with tf.GradientTape() as tape:
            tape.watch(stylized_images)
            total = objective.total(
                objective.terms(stylized_images, content_features)
            )
        return tape.gradient(total, stylized_images)

    pictures = _pictures()
    return lambda: step(pictures, pictures[::-1]).numpy()


def _whole_step(objective, width: float):
    keras.utils.set_random_seed(0)
    network = style_transfer_network.StyleTransferNetwork(
        width=width, dtype=_PRECISION.value
    )
    network.build()
    trainer = style_transfer_trainer.StyleTransferTrainer(network, objective)
    trainer.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    trainer.optimizer.build(network.trainable_variables)
    step = tf.function(trainer.train_step)
    data = _pictures(), tf.zeros([_BATCH_SIZE.value], tf.int64)
    return lambda: step(data)["loss"].numpy()


def _medians(steps) -> dict:
    """Runs all in turn, `--rounds` times, after two rounds of warm-up."""
    for step in steps.values():
        step()
        step()
    seconds = {key: [] for key in steps}
    for _ in range(_ROUNDS.value):
        for key, step in steps.items():
            begin = time.perf_counter()
            step()
            seconds[key].append(time.perf_counter() - begin)
    return {key: statistics.median(times) for key, times in seconds.items()}


def _work() -> str:
    size = _IMAGE_SIZE.value
    with np.load(small_loss_network.WEIGHTS) as file:
        widths = [
            len(file[f"block{block}_conv1/bias"]) for block in (1, 2, 3)
        ]
    genuine = work.vgg16_flop(size, size)
    small = work.vgg16_small_flop(widths, size, size)
    return (
        f"One pass at {size} x {size}: VGG16 {genuine / 1e9:.1f} GFLOP, "
        f"vgg16_small {small / 1e9:.2f} GFLOP, {genuine / small:.1f} times less"
    )


if __name__ == "__main__":
    command_line.run(main)
