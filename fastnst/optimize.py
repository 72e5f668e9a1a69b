r"""Optimizes one image: the slow way, and a preview of a style.

    python -m fastnst.optimize --content_image=photo.jpg \
        --style_image=wave.png --output=stylized.png

The method of Gatys et al. with the losses and flags of `train`: what two
minutes of it show is what a network trained with these flags goes for.
--reconstruct=feature --layer=relu2_2 shows what a layer of the loss network
keeps of the content image (Figure 3 of the paper), --reconstruct=style
--layers=relu1_2,relu2_2 what layers keep of the style picture (Figure 4).

Ctrl-C ends it after the running iteration; the best image so far is written.
"""

import pathlib
import time

from absl import flags

import fastnst
from fastnst import command_line
from fastnst import flag_values
from fastnst import loss_flags

_CONTENT_IMAGE = flags.DEFINE_string("content_image", None, "The photo.")
_OUTPUT = flags.DEFINE_string(
    "output", None, "Where to: a picture file, best .png."
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace an existing output."
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size",
    256,
    "Short side of the result, pixels; 0 is that of the photo.",
    lower_bound=0,
)
_NUM_ITERATIONS = flags.DEFINE_integer(
    "num_iterations", 500, "The most iterations of L-BFGS.", lower_bound=1
)
_START = flags.DEFINE_enum(
    "start",
    "noise",
    ["noise", "content"],
    "From white noise, as in the paper, or from the content image.",
)
_NOISE_CONTRAST = flags.DEFINE_float(
    "noise_contrast",
    1.0,
    "Of the noise: 1 is the paper's white noise, over the range from 0 to 255, "
    "which stays visible for hundreds of iterations, since the loss network "
    "hardly sees it; 0.1 shows the result sooner.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the noise.")
_SAVE_EVERY = flags.DEFINE_integer(
    "save_every",
    0,
    "Iterations between intermediate pictures beside the output, OUTPUT_50.png "
    "and so on; 0 writes none.",
    lower_bound=0,
)
_RECONSTRUCT = flags.DEFINE_enum(
    "reconstruct",
    None,
    ["feature", "style"],
    "Instead of style transfer: minimize the feature reconstruction loss of "
    "--layer, or the style reconstruction loss of --layers, alone.",
)
_LAYER = flags.DEFINE_string(
    "layer", "relu2_2", "Layer of --reconstruct=feature."
)
_LAYERS = flags.DEFINE_list(
    "layers", ["relu1_2", "relu2_2", "relu3_3"], "Of --reconstruct=style."
)

flags.adopt_module_key_flags(loss_flags)

_PRINT_SECONDS = 5.0
# What reconstructions of features or of style have no use for.
_OF_STYLE_TRANSFER = (
    "content_layer content_weight style_layers style_names style_scales "
    "style_weights tv_weight"
).split()


def main(argv: list[str]) -> int:
    """Optimizes an image; returns the exit code, 130 after Ctrl-C."""
    del argv
    output = _checked_output()
    loss_flags.follow_loss_network()
    _check_flags_that_fit()
    if _RECONSTRUCT.value != "style":
        _content_image()
    if _RECONSTRUCT.value != "feature":
        loss_flags.one_style_image()
    fastnst.import_tensorflow()
    from fastnst.training import image_optimizer
    from fastnst.training import stop_signals

    content, objective, weights = _problem()
    progress = _Progress(output, weights)
    with stop_signals.StopSignals("iteration") as signals:

        def on_iterate(iterate) -> None:
            progress(iterate)
            if signals.received is not None:
                raise StopIteration

        best = image_optimizer.ImageOptimizer(objective).run(
            _start_image(content),
            num_iterations=_NUM_ITERATIONS.value,
            callback=on_iterate,
        )
    progress.show(best)
    _write(output, best)
    if _RECONSTRUCT.value == "feature":
        _print_psnr(best, content)
    print(f"written: {output}")
    return 128 + signals.received if signals.received else 0


def _check_flags_that_fit() -> None:
    """Refuses flags that would change nothing."""
    if _RECONSTRUCT.value and _START.value != "noise":
        raise ValueError(
            f"--reconstruct={_RECONSTRUCT.value} starts from noise: leave "
            f"--start={_START.value} out."
        )
    kind = _RECONSTRUCT.value
    style = ("style transfer or --reconstruct=style", kind != "feature")
    wanted = {
        "content_image": ("what is not --reconstruct=style", kind != "style"),
        "layer": ("--reconstruct=feature", kind == "feature"),
        "layers": ("--reconstruct=style", kind == "style"),
        "noise_contrast": ("--start=noise", _START.value == "noise"),
        "seed": ("--start=noise", _START.value == "noise"),
        "style_image": style,
        "style_image_size": style,
    }
    for name in _OF_STYLE_TRANSFER:
        wanted[name] = ("style transfer, without --reconstruct", not kind)
    for name, (other, used) in wanted.items():
        flag_values.check_used(name, other, used)


def _checked_output() -> pathlib.Path:
    if not _OUTPUT.value:
        raise ValueError("--output=FILE must be given: where the result goes.")
    from fastnst.data import image_files

    output = pathlib.Path(_OUTPUT.value)
    image_files.checked_format(output)
    inputs = [_CONTENT_IMAGE.value, *(loss_flags.STYLE_IMAGE.value or ())]
    resolved = [pathlib.Path(path).resolve() for path in inputs if path]
    for path in [output, *_intermediate_outputs(output)]:
        if path.resolve() in resolved:
            raise ValueError(
                f"--output={output} would overwrite an input, {path}."
            )
        if path.exists() and not _OVERWRITE.value:
            raise ValueError(
                f"{path} exists. Choose another --output or set --overwrite."
            )
    output.parent.mkdir(parents=True, exist_ok=True)
    return output


def _intermediate_outputs(output: pathlib.Path) -> list[pathlib.Path]:
    """Returns the pictures that --save_every may write."""
    every = _SAVE_EVERY.value
    numbers = range(0, _NUM_ITERATIONS.value + 1, every) if every else []
    return [_intermediate(output, number) for number in numbers]


def _intermediate(output: pathlib.Path, iteration: int) -> pathlib.Path:
    return output.with_stem(f"{output.stem}_{iteration}")


def _content_image() -> str:
    if not _CONTENT_IMAGE.value:
        raise ValueError("--content_image=FILE must be given: the photo.")
    return _CONTENT_IMAGE.value


def _read(path: str, short_side: int):
    """Reads a picture: float32, shape (1, height, width, 3)."""
    from fastnst.data import image_files

    rgb = image_files.read_image(path).flattened()
    if short_side:
        rgb = image_files.resize_short_side(rgb, short_side)
    return rgb[None].astype("float32")


def _problem():
    """Returns the target image, the objective and the weights of its terms."""
    from fastnst.training import image_objectives

    if _RECONSTRUCT.value == "feature":
        content = _read(_content_image(), _IMAGE_SIZE.value)
        loss_flags.check_size(
            "--content_image", content.shape[1:3], [_LAYER.value]
        )
        network = loss_flags.build_loss_network([_LAYER.value], "float32")
        objective = image_objectives.feature_reconstruction(
            network, _LAYER.value, content
        )
        return content, objective, {}
    if _RECONSTRUCT.value == "style":
        picture = loss_flags.one_style_image()
        style = _read(picture, loss_flags.STYLE_IMAGE_SIZE.value)
        start = _read(picture, _IMAGE_SIZE.value)
        for image in (style, start):
            loss_flags.check_size(
                "--style_image", image.shape[1:3], _LAYERS.value
            )
        network = loss_flags.build_loss_network(_LAYERS.value, "float32")
        objective = image_objectives.style_reconstruction(
            network, _LAYERS.value, style
        )
        return start, objective, {}
    content = _read(_content_image(), _IMAGE_SIZE.value)
    loss_flags.check_content_size("--content_image", content.shape[1:3])
    _, transfer = loss_flags.build_style_objective()
    objective = image_objectives.style_transfer(
        transfer, transfer.content_features(content)
    )
    return content, objective, transfer.weights


def _start_image(content):
    from fastnst.training import image_optimizer

    if _START.value == "content":
        return content
    return image_optimizer.white_noise(
        content.shape, contrast=_NOISE_CONTRAST.value, seed=_SEED.value
    )


class _Progress:
    """Prints iterations and writes intermediate pictures.

    Args:
        output: The picture that the intermediate ones are named after.
        weights: Of the terms; a missing one is 1.
    """

    def __init__(self, output: pathlib.Path, weights):
        self._output = output
        self._weights = weights
        self._begin = time.monotonic()
        self._printed = float("-inf")
        self._shown = -1

    def __call__(self, iterate) -> None:
        now = time.monotonic()
        if now - self._printed >= _PRINT_SECONDS or iterate.iteration <= 1:
            self._printed = now
            self.show(iterate)
        every = _SAVE_EVERY.value
        if every and iterate.iteration % every == 0:
            _write(_intermediate(self._output, iterate.iteration), iterate)

    def show(self, iterate) -> None:
        """Prints the state of an iteration, unless it was the last printed."""
        if iterate.iteration == self._shown:
            return
        self._shown = iterate.iteration
        terms = "  ".join(
            f"{name} {self._weights.get(name, 1.0) * value:.4g}"
            for name, value in iterate.terms.items()
        )
        print(
            f"iteration {iterate.iteration}  "
            f"evaluations {iterate.num_evaluations}  "
            f"{time.monotonic() - self._begin:.0f} s  "
            f"objective {iterate.objective:.5g}  ({terms})",
            flush=True,
        )


def _write(path: pathlib.Path, iterate) -> None:
    from fastnst.data import image_files

    image_files.write_image(path, iterate.image[0].round().astype("uint8"))


def _print_psnr(best, content) -> None:
    from fastnst.evaluation import image_quality

    decibels = image_quality.psnr(best.image[0].round(), content[0])
    print(f"PSNR of the reconstruction from {_LAYER.value}: {decibels:.2f} dB")


if __name__ == "__main__":
    command_line.run(main)
