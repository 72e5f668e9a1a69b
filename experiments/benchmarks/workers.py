"""How training and stylizing collections scale with worker processes.

    python experiments/benchmarks/workers.py training
    python experiments/benchmarks/workers.py collection

Each worker process has one core of its own and nothing else; as many workers as
there are cores, at most 4. Leave the machine alone meanwhile.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

import fastnst

_ROOT = pathlib.Path(__file__).parents[2]
_COUNTS = (1, 2, 4)
_IMAGES_PER_WORKER = 4
_STEPS = 20
_PICTURES = 500


def write_pictures(folder: pathlib.Path, count: int, size: int) -> None:
    """Writes crops of the free photos, each another one."""
    from PIL import Image
    import numpy as np

    paths = sorted((_ROOT / "experiments/photos").glob("*.jpg"))
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    generator = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        photo = photos[number % len(photos)]
        top, left = [
            generator.integers(side - size + 1) for side in photo.shape[:2]
        ]
        crop = photo[top:top + size, left:left + size]
        Image.fromarray(crop).save(folder / f"{number:04}.png")


def cluster(count: int) -> list[str]:
    """Returns the TF_CONFIG of each of so many workers on this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    workers = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return [
        json.dumps(
            {
                "cluster": {"worker": workers},
                "task": {"type": "worker", "index": index},
            }
        )
        for index in range(count)
    ]


def train(count: int, cores: list[int], folder: pathlib.Path) -> float:
    """Returns images a second of so many workers, a core each."""
    workdir = folder / f"training_{count}"
    command = [
        *(sys.executable, "-m", "fastnst.train"),
        "--flagfile=experiments/smoke.flags",
        "--width=1",
        "--image_size=128",
        f"--num_steps={_STEPS}",
        f"--batch_size={count * _IMAGES_PER_WORKER}",
        f"--content_dataset={folder / 'pictures'}",
        "--distribution=multi_worker",
        f"--workdir={workdir}",
    ]
    processes = [
        subprocess.Popen(
            command,
            cwd=_ROOT,
            env={**os.environ, "TF_CONFIG": config},
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}),
        )
        for config, core in zip(cluster(count), cores)
    ]
    if any([process.wait() for process in processes]):
        raise RuntimeError(f"Training with {count} workers failed.")
    return _logged_speed(workdir / "logs")


def _logged_speed(logs: pathlib.Path) -> float:
    """Returns the median of the images a second that TensorBoard shows."""
    import numpy as np

    fastnst.import_tensorflow()
    import tensorflow as tf

    speeds = []
    for path in logs.glob("events.*"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            speeds += [
                float(tf.make_ndarray(value.tensor))
                for value in event.summary.value
                if value.tag == "training/images_per_second" and event.step > 2
            ]
    return float(np.median(speeds))


def stylize(count: int, cores: list[int], folder: pathlib.Path) -> float:
    """Returns pictures a second of so many workers, starting them included."""
    start = time.perf_counter()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "fastnst.stylize_collection"),
            "--network=great_wave",
            f"--input={folder / 'pictures'}/*.png",
            f"--output={folder / f'collection_{count}'}",
            "--pictures_per_shard=8",
            f"--num_workers={count}",
        ],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, set(cores[:count])),
    )
    seconds = time.perf_counter() - start
    (pictures,) = re.findall(r"all: done (\d+)", done.stdout)
    return int(pictures) / seconds


def main(what: str) -> None:
    run = {"training": train, "collection": stylize}[what]
    cores = sorted(os.sched_getaffinity(0))
    speeds: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_pictures(folder / "pictures", _PICTURES, 256)
        for count in _COUNTS:
            if count <= len(cores):
                speeds[count] = run(count, cores, folder)
                print(
                    f"{count} workers: {speeds[count]:.2f} pictures/s, "
                    f"{speeds[count] / speeds[1]:.2f} times one",
                    flush=True,
                )


if __name__ == "__main__":
    if sys.argv[1:] not in (["training"], ["collection"]):
        sys.exit("usage: workers.py training|collection")
    main(sys.argv[1])
