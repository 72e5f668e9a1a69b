"""Who trains together: what is refused, and who gets which images."""

import json

import pytest
import tensorflow as tf

from fastnst.training import callbacks
from fastnst.training import distribution

_WORKERS = ["10.0.0.1:2222", "10.0.0.2:2222"]


def _config(workers=_WORKERS, kind="worker", index=1, **others):
    return json.dumps(
        {
            "cluster": {"worker": workers, **others},
            "task": {"type": kind, "index": index},
        }
    )


def test_a_good_cluster():
    assert distribution.read_cluster(_config()) == (1, 2)
    assert distribution.read_cluster(_config(["[::1]:2222"], index=0)) == (0, 1)


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "nothing"),
        ("{", "JSON such as"),
        ("[]", "JSON such as"),
        ('{"cluster": {"worker": ["a:1"]}}', "JSON such as"),
        (_config(kind="chief"), "'chief'"),
        (_config(ps=["a:1"]), "worker, ps"),
        (_config([]), "HOST:PORT"),
        (_config("10.0.0.1:2222"), "HOST:PORT"),
        (_config(["10.0.0.1"], index=0), "HOST:PORT"),
        (_config(["a:99999"], index=0), "HOST:PORT"),
        (_config(["a:1", "a:1"]), "different"),
        (_config(index=2), "from 0 to 1"),
        (_config(index=-1), "from 0 to 1"),
        (_config(index="0"), "Received: '0'"),
        (_config(index=True), "from 0 to 1"),
    ],
)
def test_a_wrong_tf_config_is_one_line(text, said, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="TF_CONFIG") as caught:
        distribution.Distribution("multi_worker")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


class _TwoWorkers(distribution.Distribution):
    """The second of two, as far as data is concerned."""

    def __init__(self, strategy):
        super().__init__("none")
        self.worker, self.num_workers = 1, 2
        self.strategy = strategy


def test_one_device_changes_nothing():
    alone = distribution.Distribution("none")
    assert alone.is_chief and not alone.describe()
    assert alone.largest(3) == alone.smallest(3) == 3
    made = []
    alone.batches(lambda *given: made.append(given), 6)
    assert made == [(6, (0, 1))]


def test_a_worker_reads_its_share_and_its_devices_share_that():
    made = []

    def make(batch_size, shard):
        made.append((batch_size, shard))
        return tf.data.Dataset.range(2 * batch_size).batch(batch_size)

    class Replicas:
        num_replicas_in_sync = 4

        def distribute_datasets_from_function(self, function):
            return function(tf.distribute.InputContext(2, 1, 4))

    batches = _TwoWorkers(Replicas()).batches(make, 12)
    assert made == [(6, (1, 2))]
    assert [len(batch) for batch in batches] == [3, 3, 3, 3]


def test_devices_that_cannot_share_a_batch_are_refused():
    class Replicas:
        num_replicas_in_sync = 3

    with pytest.raises(ValueError, match="multiple of 3.*Received: 4"):
        _TwoWorkers(Replicas()).check_batch_size(4)
    _TwoWorkers(Replicas()).check_batch_size(6)


def test_who_is_gone_is_told_only_of_workers():
    error = tf.errors.UnavailableError(None, None, "Socket closed")
    alone = distribution.Distribution("none")
    assert alone.reason(error) == "Socket closed."
    together = _TwoWorkers(alone.strategy)
    assert "nother worker is gone" in together.reason(error)
    full = tf.errors.ResourceExhaustedError(None, None, "out of memory")
    assert together.reason(full) == "out of memory."


def test_workers_restore_the_last_state_that_all_have(tiny, tmp_path):
    def checkpoints():
        trainer = tiny.trainer()
        return trainer, callbacks.Checkpoints(trainer, str(tmp_path), 1)

    trainer, saved = checkpoints()
    for step in (3, 6):
        trainer.optimizer.iterations.assign(step)
        saved.save()
    trainer, saved = checkpoints()
    assert saved.restore(lambda step: min(step, 3)) == 3
    assert int(trainer.optimizer.iterations.numpy()) == 3
    # What was saved of steps that are done again is written again.
    trainer.optimizer.iterations.assign(6)
    saved.save()
    with pytest.raises(ValueError, match="state of step 0.*Copy"):
        checkpoints()[1].restore(lambda step: 0)
