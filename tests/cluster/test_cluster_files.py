"""The files of export/cluster: no cluster, so by schema and by stand-in."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from fastnst.training import distribution

ROOT = pathlib.Path(__file__).parents[2]
_CLUSTER = ROOT / "export" / "cluster"

pytestmark = pytest.mark.skipif(
    not _CLUSTER.is_dir(), reason="installed without the repository"
)

# Stands for python: shows what the training would be given.
_PYTHON = '#!/bin/sh\necho "$TF_CONFIG" > "$SHOWN"\necho "$@" >> "$SHOWN"\n'


def _documents():
    yaml = pytest.importorskip("yaml")
    text = (_CLUSTER / "kubernetes.yaml").read_text(encoding="utf-8")
    return list(yaml.safe_load_all(text))


def _run(folder, command, **environment):
    """Runs a script whose python is a stand-in; returns what that was given.

    Returns:
        TF_CONFIG, and the arguments.
    """
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    stand_ins = {
        "python": _PYTHON,
        "scontrol": '#!/bin/sh\ntest "$3" = "n[1-4]" || exit 1\n'
        "printf '%s\\n' n1 n2 n3 n4\n",
        # Passes over its own options and runs one task of four.
        "srun": "#!/bin/sh\nshift\nexport SLURM_PROCID=2\nexec \"$@\"\n",
    }
    for name, text in stand_ins.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    shown = folder / "shown"
    path = f"{programs}:{os.environ['PATH']}"
    subprocess.run(
        command,
        check=True,
        timeout=60,
        env={"PATH": path, "SHOWN": str(shown), **environment},
    )
    *config, arguments = shown.read_text().splitlines()
    return "\n".join(config), arguments.split()


def _check_flags(arguments):
    """Has the train command parse the flags of a script."""
    module, *given = arguments[1:]
    assert (arguments[0], module) == ("-m", "fastnst.train")
    # Not there: what the user brings.
    given = [flag for flag in given if not flag.startswith("--flagfile")]
    script = """
import sys
from absl import flags
import fastnst.train
assert flags.FLAGS(["train", *sys.argv[1:]]) == ["train"]
assert flags.FLAGS.distribution == "multi_worker"
print(flags.FLAGS.batch_size)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, *given],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_kubernetes_files_fit_their_schemas(version):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    documents = _documents()
    assert [one["kind"] for one in documents] == ["Service", "Job"]
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)
    documents[1]["spec"]["completionsMode"] = "Indexed"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(documents[1], version, strict=True)


def test_pods_are_the_workers_of_tf_config(tmp_path):
    service, job = _documents()
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (variable,) = container["env"]
    workers = spec["completions"]
    assert spec["completionMode"] == "Indexed"
    assert spec["parallelism"] == workers == int(variable["value"])
    for index in range(workers):
        config, arguments = _run(
            tmp_path,
            container["command"],
            NUM_WORKERS=variable["value"],
            JOB_COMPLETION_INDEX=str(index),
        )
        assert distribution.read_cluster(config) == (index, workers)
        # An Indexed Job names its pods so, below the headless Service.
        names = job["metadata"]["name"], service["metadata"]["name"]
        host = f"{names[0]}-{index}.{names[1]}"
        (port,) = container["ports"]
        assert f'"{host}:{port["containerPort"]}"' in config
    assert service["spec"]["clusterIP"] == "None"
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert service["spec"]["ports"][0]["port"] == port["containerPort"]
    gpus = int(container["resources"]["limits"]["nvidia.com/gpu"])
    assert _check_flags(arguments) % (workers * gpus) == 0


def test_volumes_are_those_that_are_mounted():
    pod = _documents()[1]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    text = container["command"][-1]
    for mount in container["volumeMounts"]:
        assert mount["mountPath"] in text or mount["name"] == "shm"


def test_slurm_tasks_are_the_workers_of_tf_config(tmp_path):
    script = _CLUSTER / "slurm.sh"
    config, arguments = _run(
        tmp_path, ["bash", str(script)], SLURM_JOB_NODELIST="n[1-4]"
    )
    assert distribution.read_cluster(config) == (2, 4)
    assert '"n1:2222"' in config
    options = dict(
        re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", script.read_text(), re.M)
    )
    assert options["nodes"] == "4"
    assert options["ntasks-per-node"] == "1"
    devices = 4 * int(options["gpus-per-node"])
    assert _check_flags(arguments) % devices == 0


def test_a_slurm_step_that_cannot_list_its_machines_fails(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        _run(
            tmp_path,
            ["bash", str(_CLUSTER / "slurm.sh")],
            SLURM_JOB_NODELIST="other",
        )
