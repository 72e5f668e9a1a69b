"""Peak memory of one picture, against its number of pixels."""

import contestants
import parts
import worker

from fastnst.inference import memory as free_memory

# The next size is left out where it would take more than this share of the
# memory that is free.
_LARGEST_SHARE = 0.8


def measure(results, cases) -> None:
    """Measures every contestant on every case, each in a new process.

    Args:
        results: Where the measurements go.
        cases: In ascending size.
    """
    last: dict[str, float] = {}
    for number, case in enumerate(cases):
        parts.write_files(case)
        for name, (factory, options) in contestants.MEMORY.items():
            if number and name not in last:
                continue
            before = cases[number - 1]
            growth = case.height * case.width / (before.height * before.width)
            expected = last.get(name, 0.0) * (growth if number else 1.0)
            available = free_memory.available_bytes() or float("inf")
            if expected > _LARGEST_SHARE * available:
                print(
                    f"{case.name}  {name} is left out: it may need "
                    f"{expected / 2**30:.1f} GB",
                    flush=True,
                )
                del last[name]
                continue
            peak = _peak_bytes(case, factory, options)
            if peak is None:
                last.pop(name, None)
                continue
            last[name] = peak
            results.add(
                "memory", case.name, name, "peak memory", "MB", [peak / 2**20]
            )


def _peak_bytes(case, factory, options) -> int | None:
    """Returns the peak of a new process that runs the case twice."""
    started = worker.Worker(case.threads)
    try:
        started.prepare(factory, case, **options)
        return started.peak_bytes()
    except worker.WorkerError as error:
        print(f"{case.name}  {factory} failed: {error}", flush=True)
        return None
    finally:
        started.close()
