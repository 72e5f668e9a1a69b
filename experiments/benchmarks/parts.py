"""The parts of the benchmark that are timed."""

import contextlib

import contestants
import floor_sizes
import rounds
import work
import worker

# An untrained network's pixels say nothing of the rounding of a trained one.
_TRAINED = "great_wave"
_BLOCK_STEPS = 4
_PIPELINE_BATCHES = 100
_VIDEO_FRAMES = 60


def floor(results, case, num_rounds: int) -> None:
    """Measures the most that the machine can do, in GFLOP/s."""
    with _workers(contestants.FLOOR, case.threads) as workers:
        _prepare(workers, contestants.FLOOR, case)
        times = _times(workers, num_rounds)
    for name, seconds in times.items():
        operation = contestants.FLOOR[name][0].partition(":")[2]
        flop = floor_sizes.FLOP[operation]
        results.add(
            "floor",
            "",
            name,
            "speed",
            "GFLOP/s",
            [flop / each / 1e9 for each in seconds],
        )


def inference(results, cases, num_rounds: int) -> None:
    """Times one picture, for each size."""
    with _workers(contestants.INFERENCE, cases[0].threads) as workers:
        for case in cases:
            write_files(case)
            _compete(
                results,
                "inference",
                case,
                workers,
                contestants.INFERENCE,
                num_rounds,
            )
            _add_work(
                results,
                "inference",
                case,
                work.transform_flop(case.height, case.width),
            )
    with _worker(cases[0].threads) as one:
        for case in cases:
            trained = case.network or _TRAINED
            found = one.call(
                "fastnst_inference:bfloat16_difference",
                case._replace(network=trained),
            )
            for quantity, value in found.items():
                results.add(
                    "inference",
                    case.name,
                    contestants.KERAS_BFLOAT16,
                    f"{trained}, {quantity}",
                    "of 255",
                    [value],
                )


def training(results, case, num_rounds: int) -> None:
    """Times the training step on a batch that is there already."""
    chosen = contestants.TRAINING_STEP
    with _workers(chosen, case.threads) as workers:
        _compete(results, "training", case, workers, chosen, num_rounds)
    flop = work.training_step_flop(case.batch, case.height, case.width)
    _add_work(results, "training", case, flop)


def fit(results, case, photos, num_rounds: int) -> None:
    """Times the loop of the train command against its bare step."""
    for name in (contestants.TRAINING, contestants.TRAINING_BFLOAT16):
        _, options = contestants.TRAINING_STEP[name]
        with _worker(case.threads) as one:
            found = one.call(
                "fastnst_training:fit_against_bare_step",
                case,
                photos=photos,
                num_blocks=num_rounds,
                steps=_BLOCK_STEPS,
                **options,
            )
        for quantity, seconds in found.items():
            results.add("fit", case.name, name, quantity, "s", seconds)


def pipeline(results, case, photos, num_rounds: int) -> None:
    """Measures the content images a second that the pipeline makes."""
    with _worker(case.threads) as one:
        rates = [
            one.call(
                "fastnst_training:pipeline_images_per_second",
                case,
                photos,
                _PIPELINE_BATCHES,
            )
            for _ in range(num_rounds)
        ]
    results.add("pipeline", case.name, "fastnst", "rate", "images/s", rates)


def video(results, case, num_rounds: int) -> None:
    """Times a video against the bare network."""
    with _worker(case.threads) as one:
        found = one.call(
            "fastnst_video:video_against_bare_network",
            case,
            num_blocks=num_rounds,
            num_frames=_VIDEO_FRAMES,
        )
    for quantity, seconds in found.items():
        results.add("video", case.name, "fastnst", quantity, "s", seconds)


def write_files(case) -> None:
    """Exports the networks for one size: SavedModel, LiteRT, ONNX.

    Who misses a file that could not be written is left out later.
    """
    for functions in (
        (
            "fastnst_inference:write_saved_model",
            "fastnst_inference:write_tflite",
        ),
        ("torch_inference:write_onnx",),
    ):
        with _worker(case.threads) as one:
            for function in functions:
                try:
                    one.call(function, case)
                except worker.WorkerError as error:
                    print(f"{case.name}  {function}: {error}", flush=True)


def _compete(results, part, case, workers, chosen, num_rounds) -> None:
    """Times all contestants on one case, interleaved."""
    ready = _prepare(workers, chosen, case)
    for name, seconds in _times(ready, num_rounds).items():
        results.add(part, case.name, name, "time", "s", seconds)
        peak = ready[name].peak_bytes() / 2**20
        results.add(part, case.name, name, "peak memory", "MB", [peak])


def _add_work(results, part, case, flop: float) -> None:
    """Adds what the plain definition takes, the same for all."""
    results.add(part, case.name, "", "plain work", "GFLOP", [flop / 1e9])


def _prepare(workers, chosen, case) -> dict[str, worker.Worker]:
    """Readies the workers; returns those that can run the case."""
    ready = {}
    for name, (factory, options) in chosen.items():
        try:
            workers[name].prepare(factory, case, **options)
        except worker.WorkerError as error:
            print(f"{case.name}  {name} is left out: {error}", flush=True)
        else:
            ready[name] = workers[name]
    return ready


def _times(workers, num_rounds: int) -> dict[str, list[float]]:
    return rounds.interleave(
        {name: each.time for name, each in workers.items()}, num_rounds
    )


@contextlib.contextmanager
def _workers(chosen, threads: int):
    """Starts a worker for each name; ends them afterwards."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(_worker(threads)) for name in chosen}


@contextlib.contextmanager
def _worker(threads: int):
    started = worker.Worker(threads)
    try:
        yield started
    finally:
        started.close()
