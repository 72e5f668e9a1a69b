"""The flags of the images that are trained on, and what they open."""

import pathlib

from absl import flags

CONTENT_DATASET = flags.DEFINE_list(
    "content_dataset",
    ["coco/2014"],
    "Content images: TFDS names (with [:10000] the first pictures alone), "
    "folders and 'synthetic', separated by commas, each with :SHARE if wanted.",
)
DOWNLOAD_DATASET = flags.DEFINE_boolean(
    "download_dataset", False, "Download and prepare a missing TFDS data set."
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Where TFDS keeps its data. Default: TFDS' own."
)
RESIZE = flags.DEFINE_enum(
    "resize",
    "crop",
    ["crop", "squash", "patch"],
    "How content images become squares: crop (short side resized, cropped and "
    "flipped at random), squash (as in the paper), or patch (cut out at their "
    "own resolution and flipped at random; the default in super-resolution).",
)
IMAGE_SIZE = flags.DEFINE_list(
    "image_size", ["256"], "Side of the content images of each stage, pixels."
)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 4, "Images per step, of all devices.", lower_bound=1
)
NUM_STEPS = flags.DEFINE_list(
    "num_steps", ["40000"], "Number of steps of each stage."
)
VALIDATION_IMAGES = flags.DEFINE_list(
    "validation_images",
    [],
    "Photos or folders shown in TensorBoard and transformed at the end. "
    "Default: four content images.",
)
SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Seed of weights and data.",
    lower_bound=0,
    upper_bound=2**32 - 1,
)


def stages() -> list[tuple[int, int]]:
    """Returns image size and number of steps of each stage.

    Raises:
        ValueError: If the flags are no such numbers, or not as many.
    """
    sizes = _whole_numbers("image_size", IMAGE_SIZE.value, 32)
    steps = _whole_numbers("num_steps", NUM_STEPS.value, 1)
    if len(sizes) != len(steps):
        raise ValueError(
            "--image_size and --num_steps must hold one number for each stage. "
            f"Received: {len(sizes)} sizes and {len(steps)} numbers of steps."
        )
    return list(zip(sizes, steps))


def _whole_numbers(name: str, values: list[str], least: int) -> list[int]:
    try:
        result = [int(value) for value in values]
    except ValueError:
        result = []
    if not result or min(result) < least:
        raise ValueError(
            f"--{name} must be whole numbers of at least {least}, separated by "
            f"commas. Received: {','.join(values)}."
        )
    return result


def content_images(
    image_size: int,
    start: int,
    *,
    batch_size: int | None = None,
    shard: tuple[int, int] = (0, 1),
):
    """Opens the stream of content images of the flags at a position.

    Args:
        image_size: Height and width of the images.
        start: The position.
        batch_size: Images in a batch; None: those of the flag.
        shard: (index, count): of the workers, who share the images.

    Returns:
        A dataset of (images, next_position), see
        `fastnst.data.content_images`.

    Raises:
        OSError: If a folder cannot be read.
        ValueError: If the flags do not fit, or nothing can be used.
    """
    from fastnst.data import content_images as content_images_lib

    return content_images_lib.content_images(
        CONTENT_DATASET.value,
        image_size=image_size,
        batch_size=batch_size or BATCH_SIZE.value,
        seed=SEED.value,
        resize=RESIZE.value,
        start=start,
        download=DOWNLOAD_DATASET.value,
        data_dir=DATA_DIR.value,
        shard=shard,
    )


def validation_photos(image_size: int) -> list:
    """Returns name and uint8 pixels of the validation photos.

    Args:
        image_size: Of the content images, used where there are no others.

    Raises:
        OSError: If a photo or folder cannot be read.
        ValueError: If the flags do not fit.
    """
    from fastnst.data import image_files

    # Opening the content images here finds what is wrong with them at once.
    batches = content_images(image_size, 0)
    if VALIDATION_IMAGES.value:
        paths = image_files.find_images(VALIDATION_IMAGES.value)
        _check_names(paths)
        return [
            (path.stem, image_files.read_image(path).flattened())
            for path in paths
        ]
    images, _ = next(iter(batches))
    return [
        (f"content_{number}", image)
        for number, image in enumerate(images.numpy().astype("uint8")[:4])
    ]


def _check_names(paths: list[pathlib.Path]) -> None:
    """Refuses photos whose results would have one name."""
    first: dict[str, pathlib.Path] = {}
    for path in paths:
        other = first.setdefault(path.stem, path)
        if other != path:
            raise ValueError(
                "--validation_images must have different names, which their "
                f"results get. Received: {other} and {path}."
            )
