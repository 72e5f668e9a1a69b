"""Runs the train command as one of several workers, for test_train_workers.py.

    python worker_driver.py JSON

JSON is {"flags": [...]} and, if wanted, "kill" (the process ends itself while
that step runs, as `kill -9` does) or "shards" (the images of that many workers
in one process, whose batches are put one after the other).
"""

import functools
import json
import os
import signal
import sys

from fastnst import command_line
from fastnst import content_flags
from fastnst import train


def kill_at(step: int) -> None:
    """Lets this process be killed while a step runs."""
    from fastnst.training import callbacks

    def kill(self, batch, logs=None):
        if int(self.model.optimizer.iterations.numpy()) == step - 1:
            os.kill(os.getpid(), signal.SIGKILL)

    callbacks.StopOnNotFinite.on_train_batch_begin = kill


def join(num_shards: int) -> None:
    """Gives one process the images that several workers have."""
    import tensorflow as tf

    one_shard = content_flags.content_images

    def all_shards(image_size, start, *, batch_size=None, shard=(0, 1)):
        del batch_size, shard
        own = content_flags.BATCH_SIZE.value // num_shards
        shards = [
            one_shard(
                image_size, start, batch_size=own, shard=(index, num_shards)
            )
            for index in range(num_shards)
        ]

        def put_together(*batches):
            return tuple(tf.concat(parts, 0) for parts in zip(*batches))

        return tf.data.Dataset.zip(tuple(shards)).map(put_together)

    content_flags.content_images = all_shards


def main(case: dict) -> None:
    import keras

    from fastnst.networks import style_transfer_network

    style_transfer_network._NUM_RESIDUAL_BLOCKS = 1
    # With a small epsilon Adam moves a weight whose gradient is rounding by
    # the whole learning rate, whatever the number of workers.
    keras.optimizers.Adam = functools.partial(
        keras.optimizers.Adam, epsilon=1e-3
    )
    if "kill" in case:
        kill_at(case["kill"])
    if "shards" in case:
        join(case["shards"])
    sys.argv = ["train", *case["flags"]]
    command_line.run(train.main)


if __name__ == "__main__":
    # Not before: TensorFlow is told how loud to be by `import fastnst`.
    main(json.loads(sys.argv[1]))
