"""Content images from TensorFlow Datasets, COCO first of all."""


class TfdsImages:
    """The train split of a TFDS dataset with a feature named "image"."""

    def __init__(self, name, *, seed, shard, download, data_dir):
        raise ValueError(
            f"There is no folder {name!r} with pictures. Received: {name!r}."
        )
