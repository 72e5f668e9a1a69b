"""Several devices or machines that train one network together."""

from collections.abc import Callable
import contextlib
import json
import os

import tensorflow as tf

from fastnst.training import failures

KINDS = ("none", "mirrored", "multi_worker")
_EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Distribution:
    """Who shares a training, and which part of it is done here.

    Open it before anything else of TensorFlow; build network, loss network
    and optimizer in `scope()`.

    Args:
        kind: "none"; "mirrored": all GPUs of this machine; "multi_worker": all
            GPUs of the machines that TF_CONFIG names, which waits for them.

    Attributes:
        strategy: TensorFlow's.
        worker: The number of this process; 0 writes what all have learned.
        num_workers: How many processes there are.

    Raises:
        OSError: If this worker cannot listen at its address.
        ValueError: If TF_CONFIG is wrong.
    """

    def __init__(self, kind: str):
        self.worker, self.num_workers = 0, 1
        if kind == "none":
            self.strategy = tf.distribute.get_strategy()
        elif kind == "mirrored":
            self.strategy = tf.distribute.MirroredStrategy()
        else:
            self.worker, self.num_workers = read_cluster(
                os.environ.get("TF_CONFIG", "")
            )
            try:
                self.strategy = tf.distribute.MultiWorkerMirroredStrategy()
            except tf.errors.OpError as error:
                raise OSError(
                    "This worker cannot join the others of TF_CONFIG: "
                    f"{failures.reason(error)}"
                ) from error

    @property
    def is_chief(self) -> bool:
        """Whether this process writes what all have learned."""
        return self.worker == 0

    @contextlib.contextmanager
    def scope(self):
        """Has all devices hold what is built inside.

        Raises:
            OSError: If TensorFlow cannot, as when a worker is gone.
        """
        try:
            with self.strategy.scope():
                yield
        except tf.errors.OpError as error:
            raise OSError(self.reason(error)) from error

    def describe(self) -> list[str]:
        """Returns a line that says who trains; none for one device."""
        replicas = self.strategy.num_replicas_in_sync
        if max(replicas, self.num_workers) == 1:
            return []
        return [
            f"worker {self.worker} of {self.num_workers} (the first is 0); "
            f"{replicas} devices in all"
        ]

    def check_batch_size(self, batch_size: int) -> None:
        """Raises ValueError if the devices cannot share a batch equally."""
        replicas = self.strategy.num_replicas_in_sync
        if batch_size % replicas:
            raise ValueError(
                f"The batch size must be a multiple of {replicas}, the number "
                "of devices that train together: it is that of all of them. "
                f"Received: {batch_size}."
            )

    def batches(
        self,
        make_dataset: Callable[[int, tuple[int, int]], tf.data.Dataset],
        batch_size: int,
    ):
        """Returns the batches of all devices, as `fit` takes them.

        Args:
            make_dataset: Takes the images per step of this worker and its
                shard (index, count); returns their dataset.
            batch_size: Images per step of all workers.
        """
        own = batch_size // self.num_workers
        shard = (self.worker, self.num_workers)
        if self.strategy.num_replicas_in_sync == 1:
            return make_dataset(own, shard)

        def of_this_worker(context: tf.distribute.InputContext):
            # All devices here get the position after the images of all.
            return make_dataset(own, shard).rebatch(
                context.get_per_replica_batch_size(batch_size)
            )

        return self.strategy.distribute_datasets_from_function(of_this_worker)

    def largest(self, number: int) -> int:
        """Returns the largest of the numbers that all workers give here."""
        return max(self._gather(number))

    def smallest(self, number: int) -> int:
        """Returns the smallest of the numbers that all workers give here."""
        return min(self._gather(number))

    def wait(self) -> None:
        """Waits until all workers are here."""
        self._gather(0)

    def _gather(self, number: int) -> list[int]:
        """Returns the numbers of all workers.

        Raises:
            OSError: If one is gone.
        """
        if self.num_workers == 1:
            return [number]
        try:
            gathered = self._gather_numbers(tf.constant([number], tf.int64))
        except tf.errors.OpError as error:
            raise OSError(self.reason(error)) from error
        return gathered.numpy().tolist()

    @tf.function(reduce_retracing=True)
    def _gather_numbers(self, own: tf.Tensor) -> tf.Tensor:
        def gather():
            context = tf.distribute.get_replica_context()
            # A copy on the replica's device, which TensorFlow asks for.
            return context.all_gather(tf.identity(own), axis=0)

        gathered = self.strategy.run(gather)
        return self.strategy.experimental_local_results(gathered)[0]

    def reason(self, error: tf.errors.OpError) -> str:
        """Says in words why a step failed, see `failures.reason`."""
        lost = (
            tf.errors.AbortedError,
            tf.errors.CancelledError,
            tf.errors.DeadlineExceededError,
            tf.errors.UnavailableError,
        )
        if self.num_workers > 1 and isinstance(error, lost):
            return (
                "Another worker is gone. Start all workers again; they "
                "continue from their last checkpoint."
            )
        return failures.reason(error)


def read_cluster(text: str) -> tuple[int, int]:
    """Reads the number of this worker, and of all, from TF_CONFIG.

    Args:
        text: The value of the variable.

    Raises:
        ValueError: If it is not as `MultiWorkerMirroredStrategy` needs it.

    Example:
        >>> read_cluster(_EXAMPLE)
        (0, 2)
    """
    try:
        config = json.loads(text)
        workers = config["cluster"]["worker"]
        kind, index = config["task"]["type"], config["task"]["index"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"TF_CONFIG must be set to JSON such as {_EXAMPLE}. "
            f"Received: {text or 'nothing'}."
        ) from None
    if list(config["cluster"]) != ["worker"] or kind != "worker":
        raise ValueError(
            "TF_CONFIG must name workers only; the first does what others "
            f"call a chief. Received: {', '.join(config['cluster'])} and a "
            f"task of type {kind!r}."
        )
    _check_addresses(workers)
    if type(index) is not int or not 0 <= index < len(workers):
        raise ValueError(
            "The task index of TF_CONFIG must be a whole number from 0 to "
            f"{len(workers) - 1}, one for each worker. Received: {index!r}."
        )
    return index, len(workers)


def _check_addresses(workers) -> None:
    good = isinstance(workers, list) and all(map(_is_address, workers))
    if not good or not 0 < len(workers) == len(set(workers)):
        raise ValueError(
            "The workers of TF_CONFIG must be a list of different addresses "
            f"HOST:PORT. Received: {json.dumps(workers)}."
        )


def _is_address(text) -> bool:
    host, _, port = str(text).rpartition(":")
    return bool(host) and port.isdigit() and 0 < int(port) < 65536
