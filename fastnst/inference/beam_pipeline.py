"""Shards of a collection as a pipeline of Apache Beam.

Beam starts the workers, on this machine or on hundreds, gives each its shards
and starts a shard again whose worker is lost. Which shard holds what, and what
is done, is in `collection`: Beam's own sinks write all or nothing, and a
collection that was stopped shall go on.
"""

from collections.abc import Sequence

import apache_beam as beam
from apache_beam.metrics import metric
from apache_beam.options import pipeline_options
from apache_beam.utils import shared

from fastnst.inference import collection
from fastnst.inference import shard_stylizer

_NAMESPACE = "fastnst"


class _Stylize(beam.DoFn):
    """Stylizes shards; the network is loaded once for each worker process."""

    def __init__(self, settings: shard_stylizer.Settings):
        self._settings = settings
        self._shared = shared.Shared()
        self._done, self._skipped, self._pixels = [
            metric.Metrics.counter(_NAMESPACE, name)
            for name in ("done", "skipped", "pixels")
        ]

    def setup(self):
        self._stylizer = self._shared.acquire(
            lambda: shard_stylizer.ShardStylizer(self._settings)
        )

    def process(self, shard: collection.Shard):
        report = self._stylizer.run(shard)
        self._done.inc(report.done)
        self._skipped.inc(len(report.skipped))
        self._pixels.inc(report.pixels)
        yield shard.number


def run(
    shards: Sequence[collection.Shard],
    settings: shard_stylizer.Settings,
    options: Sequence[str],
) -> dict[str, int]:
    """Stylizes shards, and returns when all are done.

    Args:
        shards: The shards to do.
        settings: What is done with their pictures.
        options: Of Beam, as on a command line: "--runner=DirectRunner".

    Returns:
        The counters of this run: done, skipped, pixels.

    Raises:
        OSError: If a shard failed.
    """
    pipeline = beam.Pipeline(
        options=pipeline_options.PipelineOptions(flags=list(options))
    )
    (
        pipeline
        | "Shards" >> beam.Create(shards)
        | "Deal" >> beam.Reshuffle()
        | "Stylize" >> beam.ParDo(_Stylize(settings))
    )
    try:
        result = pipeline.run()
        result.wait_until_finish()
    # Every runner has errors of its own.
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise OSError(
            f"The pipeline stopped: {lines[-1]} The shards that are done are "
            "kept; give the same command again."
        ) from error
    found = result.metrics().query(
        metric.MetricsFilter().with_namespace(_NAMESPACE)
    )
    return {
        counter.key.metric.name: counter.committed or counter.attempted
        for counter in found["counters"]
    }
