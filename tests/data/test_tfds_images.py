"""COCO through TFDS' own builder, and clear refusals without it."""

import json
import pathlib
import shutil
import time
from unittest import mock

from PIL import Image
from absl import logging
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from fastnst.data import content_images as content
from fastnst.data import tfds_images

_NUM_TRAIN = 7


def _archive(folder, split, number):
    """Writes what an unpacked COCO image archive holds; returns its index."""
    (folder / split).mkdir(parents=True)
    images = []
    for index in range(number):
        name = f"COCO_{split}_{index:012d}.jpg"
        color = (30 * index, 255 - 30 * index, 128)
        Image.new("RGB", (48, 40), color).save(folder / split / name)
        images.append(
            {"id": index, "file_name": name, "height": 40, "width": 48}
        )
    return images


def _tiny_coco(root):
    """Returns the folders that TFDS would have unpacked, by its keys."""
    folders = {}
    splits = {
        "train": ("train2014", "instances", _NUM_TRAIN),
        "validation": ("val2014", "instances", 2),
        "test": ("test2014", "image_info", 2),
        "test2015": ("test2015", "image_info", 2),
    }
    for split, (images_name, kind, number) in splits.items():
        images = _archive(root / f"{split}_images", images_name, number)
        annotations = root / f"{split}_annotations" / "annotations"
        annotations.mkdir(parents=True)
        index = {
            "images": images,
            "categories": [
                {"id": number, "name": f"thing {number}"}
                for number in range(1, 81)  # TFDS insists on COCO's 80.
            ],
            "annotations": [
                {
                    "id": image["id"],
                    "image_id": image["id"],
                    "bbox": [1, 1, 20, 20],
                    "area": 400,
                    "category_id": 1,
                    "iscrowd": 0,
                }
                for image in images
            ],
        }
        file = annotations / f"{kind}_{images_name}.json"
        file.write_text(json.dumps(index))
        folders[f"{split}_images"] = str(root / f"{split}_images")
        folders[f"{split}_annotations"] = str(annotations.parent)
    return folders


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A TFDS folder with COCO 2014, prepared as `download=True` does it."""
    root = tmp_path_factory.mktemp("coco")
    folders = _tiny_coco(root / "unpacked")
    target = str(root / "tfds")
    with (
        mock.patch.object(
            tfds.download.DownloadManager,
            "download_and_extract",
            lambda self, urls: {key: folders[key] for key in urls},
        ),
        mock.patch.object(tfds_images, "_check_disk"),
        mock.patch.object(tfds_images, "_check_network"),
    ):
        content.content_images(
            ["coco/2014"], image_size=16, batch_size=1, seed=0,
            download=True, data_dir=target,
        )
    return target


def _take(data_dir, batches, sources=("coco/2014",), **options):
    arguments = {"image_size": 20, "batch_size": _NUM_TRAIN, "seed": 3}
    stream = content.content_images(
        list(sources), data_dir=data_dir, **(arguments | options)
    )
    return [
        (images, int(position[0]))
        for images, position in stream.take(batches).as_numpy_iterator()
    ]


def test_each_epoch_shows_the_train_split_once(data_dir):
    batches = _take(data_dir, 4)
    reds = [images[:, 5, 5, 0] for images, _ in batches]
    for epoch in reds:
        # JPEG is off by one or two.
        wanted = 30.0 * np.arange(_NUM_TRAIN)
        assert np.abs(np.sort(epoch) - wanted).max() <= 3
    assert len({tuple(epoch) for epoch in reds}) > 1


def test_the_first_pictures_alone(data_dir):
    first = ["coco/2014[:3]"]
    whole = _take(data_dir, 4, first, batch_size=3)
    colors = {tuple(picture[5, 5]) for picture in whole[0][0]}
    assert len(colors) == 3
    # Every epoch has the same three, and a later start the rest.
    for images, _ in whole[1:]:
        assert {tuple(picture[5, 5]) for picture in images} == colors
    (rest, _), = _take(
        data_dir, 1, first, batch_size=3, start=whole[2][1]
    )
    np.testing.assert_array_equal(rest, whole[3][0])


@pytest.mark.parametrize("part", ["[:8]", "[:0]", "[2:]", "[:"])
def test_pictures_that_are_not_there_are_refused(data_dir, part):
    with pytest.raises(ValueError) as error:
        _take(data_dir, 1, ["coco/2014" + part])
    assert f"coco/2014{part}" in str(error.value)


def test_stream_continues_exactly_whatever_the_global_seed(data_dir):
    tf.random.set_seed(1)
    sources = ["coco/2014", "synthetic:0.3"]
    whole = _take(data_dir, 8, sources, batch_size=3)
    for done in (1, 4, 7):
        tf.random.set_seed(done)
        rest = _take(
            data_dir, 8 - done, sources, batch_size=3,
            start=whole[done - 1][1],
        )
        for (left, p), (right, q) in zip(rest, whole[done:]):
            assert p == q
            np.testing.assert_array_equal(left, right)


def test_shards_are_disjoint_and_complete(data_dir):
    reds = []
    for index, number in ((0, 4), (1, 3)):
        (images, _), = _take(
            data_dir, 1, batch_size=number, shard=(index, 2)
        )
        reds.extend((images[:, 5, 5, 0] / 30).round())
    assert sorted(reds) == list(range(_NUM_TRAIN))


def test_damaged_record_is_left_out_and_named(data_dir, monkeypatch):
    lines = []
    monkeypatch.setattr(
        logging, "warning", lambda text, *values: lines.append(text % values)
    )
    decode = tfds_images.image_files.decode_image

    def refuse_the_first_color(data, **options):
        picture = decode(data, **options)
        if picture.rgb[5, 5, 0] < 15:
            raise ValueError("not a readable picture")
        return picture

    monkeypatch.setattr(
        tfds_images.image_files, "decode_image", refuse_the_first_color
    )
    batches = _take(data_dir, 3, batch_size=_NUM_TRAIN - 1)
    for images, _ in batches:
        assert images[:, 5, 5, 0].min() > 15
    assert len(lines) == 1 and "coco/2014 record" in lines[0]


def test_not_prepared_says_what_to_do_within_seconds(tmp_path):
    begin = time.monotonic()
    with pytest.raises(ValueError) as error:
        _take(str(tmp_path), 1)
    assert time.monotonic() - begin < 10
    for part in (
        "--download_dataset", "40.3 GB", "GB free", str(tmp_path),
        "train2014.zip", "13.5 GB", "--content_dataset=FOLDER",
    ):
        assert part in str(error.value)


def test_too_little_disk_is_refused_before_anything_is_fetched(
    tmp_path, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)._replace(free=50 * 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    monkeypatch.setattr(
        tfds_images.urllib.request,
        "urlopen",
        mock.Mock(side_effect=AssertionError),
    )
    with pytest.raises(ValueError, match="Too little disk.*50.0 GB free"):
        _take(str(tmp_path), 1, download=True)


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_offline_is_refused_within_seconds(tmp_path, monkeypatch, kind):
    usage = shutil.disk_usage(tmp_path)._replace(free=10**12)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    monkeypatch.setattr(tfds_images, "_SECONDS_TO_ANSWER", 0.5)

    def urlopen(request, timeout):
        if kind == "silent":
            time.sleep(5)  # As a name server that does not answer.
        raise OSError("Name or service not known")

    monkeypatch.setattr(tfds_images.urllib.request, "urlopen", urlopen)
    begin = time.monotonic()
    with pytest.raises(ValueError, match="out of reach.*Cheaper"):
        _take(str(tmp_path), 1, download=True)
    assert time.monotonic() - begin < 4


@pytest.mark.parametrize("name", ["coco/1999", "no_such_set", "photos/2014"])
def test_unknown_names_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=f"{name}.*neither a folder"):
        _take(str(tmp_path), 1, [name])
    assert not list(pathlib.Path(tmp_path).iterdir())


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match="It is a file: give its folder"):
        _take(str(tmp_path), 1, [str(tmp_path / "a.png")])
