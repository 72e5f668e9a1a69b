"""Five hundred pictures, some damaged, through a pipeline that is killed."""

import collections
import json
import os
import signal
import subprocess
import sys
import time

from PIL import Image
import numpy as np
import pytest
import tensorflow as tf

from fastnst.inference import transform
from fastnst.networks import style_transfer_network

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

_COUNT = 500
_SIZES = ((16, 16), (20, 16), (16, 24))
# What a file holds instead of a picture, by its number modulo 25.
_DAMAGES = {3: b"", 11: b"no picture", 19: None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, save_networks):
    """Pictures in photos/, one in eight damaged; and a network."""
    folder = tmp_path_factory.mktemp("collection")
    save_networks(
        folder, tiny=style_transfer_network.StyleTransferNetwork(width=0.125)
    )
    (folder / "photos").mkdir()
    generator = np.random.default_rng(0)
    for number in range(_COUNT):
        path = folder / "photos" / f"{number:03}.png"
        height, width = _SIZES[number % 3]
        pixels = generator.integers(0, 256, [height, width, 3])
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        if number % 25 in _DAMAGES:
            damage = _DAMAGES[number % 25]
            cut_off = path.read_bytes()[:100]
            path.write_bytes(cut_off if damage is None else damage)
    return folder


def _good():
    return {
        f"{number:03}.png"
        for number in range(_COUNT)
        if number % 25 not in _DAMAGES
    }


def _start(folder, *flags):
    pytest.importorskip("apache_beam")
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "fastnst.stylize_collection"),
            f"--network={folder / 'tiny.keras'}",
            "--image_format=png",
            *flags,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _finish(process):
    out, err = process.communicate(timeout=1200)
    assert process.returncode == 0, out + err
    return out


def _examples(directory):
    """Yields file name and picture of every record of every shard."""
    for path in sorted(directory.glob("stylized-*.tfrecord")):
        for record in tf.data.TFRecordDataset(str(path)):
            example = tf.train.Example.FromString(record.numpy())
            features = example.features.feature
            (name,) = features["image/filename"].bytes_list.value
            (data,) = features["image/encoded"].bytes_list.value
            yield os.path.basename(name.decode()), tf.io.decode_png(data)


@pytest.fixture(scope="module")
def stylized(folder):
    """The output of a run that was killed, and of its restart."""
    output = folder / "output"
    flags = [
        f"--input={folder / 'photos'}/*.png",
        f"--output={output}",
        "--pictures_per_shard=20",
    ]
    first = _start(folder, *flags)
    end = time.monotonic() + 1200
    while len(list(output.glob("stylized-*.json"))) < 3:
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    done = len(list(output.glob("stylized-*.json")))
    assert 3 <= done < 25
    return output, done, _finish(_start(folder, *flags))


def test_every_good_picture_is_there_once(stylized):
    counts = collections.Counter(name for name, _ in _examples(stylized[0]))
    assert set(counts) == _good()
    assert set(counts.values()) == {1}


def test_no_half_files_are_left(stylized):
    names = {path.name for path in stylized[0].iterdir()}
    shards = {f"stylized-{number:05}-of-00025" for number in range(25)}
    assert names == {
        "collection.json",
        "skipped.jsonl",
        *(f"{shard}.json" for shard in shards),
        *(f"{shard}.tfrecord" for shard in shards),
    }


def test_every_bad_picture_is_listed_with_its_reason(stylized):
    lines = (stylized[0] / "skipped.jsonl").read_text().splitlines()
    skipped = {
        os.path.basename(entry["name"]): entry["reason"]
        for entry in map(json.loads, lines)
    }
    assert len(lines) == len(skipped) == _COUNT - len(_good())
    assert not set(skipped) & _good()
    assert skipped["003.png"] == "the file is empty."
    assert "unknown format" in skipped["011.png"]
    assert skipped["019.png"].startswith("not a readable picture")


def test_a_restart_does_only_what_is_left(stylized):
    _, done, printed = stylized
    first, this_run, total = printed.splitlines()
    assert first == f"{done} of 25 shards are done already"
    assert "all: done 440, skipped 60 " in total
    counted = dict(
        item.rsplit(" ", 1)
        for item in this_run.removeprefix("this run: ").split(", ")
    )
    # A shard has 20 pictures, of which two or three are damaged.
    number = int(counted["done"]) + int(counted["skipped"])
    assert number == 20 * (25 - done)


def test_batches_give_the_pictures_that_single_ones_give(stylized, folder):
    transformer = transform.ImageTransformer.load(folder / "tiny.keras")
    for name, picture in list(_examples(stylized[0]))[::40]:
        with Image.open(folder / "photos" / name) as image:
            expected = transformer.stylize(np.asarray(image))
        difference = picture.numpy().astype(int) - expected
        assert np.abs(difference).max() <= 1


def test_tfrecords_in_two_processes(folder):
    names = sorted(_good())[:12]
    for number in range(3):
        path = str(folder / f"input-{number}.tfrecord")
        with tf.io.TFRecordWriter(path) as writer:
            for name in names[4 * number:4 * number + 4]:
                data = (folder / "photos" / name).read_bytes()
                feature = tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[data])
                )
                example = tf.train.Example(
                    features=tf.train.Features(feature={"image": feature})
                )
                writer.write(example.SerializeToString())
            writer.write(b"no example")
    output = folder / "from_records"
    printed = _finish(
        _start(
            folder,
            f"--input={folder}/input-*.tfrecord",
            "--image_feature=image",
            f"--output={output}",
            "--num_workers=2",
        )
    )
    assert "all: done 12, skipped 3 " in printed
    assert {name for name, _ in _examples(output)} == {
        f"input-{number}.tfrecord#{index}"
        for number in range(3)
        for index in range(4)
    }
