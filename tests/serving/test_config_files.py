"""The files of export/serving: no server here, so by schema and by message."""

import pathlib
import re
import subprocess
import sys

from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf import text_format
import pytest

_SERVING = pathlib.Path(__file__).parents[2] / "export" / "serving"

# No package has these two: name, number and type of the fields that
# session_bundle_config.proto and monitoring_config.proto of TensorFlow Serving
# have.
_MESSAGES = {
    "Int64Value": [("value", 1, "INT64")],
    "StringValue": [("value", 1, "STRING")],
    "BoolValue": [("value", 1, "BOOL")],
    "BatchingParameters": [
        ("max_batch_size", 1, "Int64Value"),
        ("batch_timeout_micros", 2, "Int64Value"),
        ("max_enqueued_batches", 3, "Int64Value"),
        ("num_batch_threads", 4, "Int64Value"),
        ("thread_pool_name", 5, "StringValue"),
        ("pad_variable_length_inputs", 7, "BOOL"),
        ("enable_large_batch_splitting", 8, "BoolValue"),
        ("max_execution_batch_size", 9, "Int64Value"),
    ],
    "PrometheusConfig": [("enable", 1, "BOOL"), ("path", 2, "STRING")],
    "MonitoringConfig": [("prometheus_config", 1, "PrometheusConfig")],
}


def _parse(name, file):
    proto = descriptor_pb2.FileDescriptorProto(name="t", syntax="proto3")
    for message, fields in _MESSAGES.items():
        added = proto.message_type.add(name=message)
        for field, number, kind in fields:
            options = {"type_name": kind, "type": "TYPE_MESSAGE"}
            if kind.isupper():
                options = {"type": f"TYPE_{kind}"}
            added.field.add(name=field, number=number, **options)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
    return text_format.Parse((_SERVING / file).read_text(), message())


def _models_config(text):
    proto = pytest.importorskip(
        "tensorflow_serving.config.model_server_config_pb2"
    )
    return text_format.Parse(text, proto.ModelServerConfig())


def _yaml(file):
    yaml = pytest.importorskip("yaml")
    return list(yaml.safe_load_all((_SERVING / file).read_text()))


def test_labels_point_to_versions_that_are_served():
    """In the file, and in every state that the README shows."""
    readme = (_SERVING / "README.md").read_text()
    states = re.findall(r"```proto\n(.*?)```", readme, re.DOTALL)
    assert len(states) >= 2
    start = (_SERVING / "models.config").read_text()
    policy = start[start.index("    model_version_policy") : -len("  }\n}\n")]
    configs = [_models_config(start)] + [
        _models_config(start.replace(policy, state)) for state in states
    ]
    assert len({str(config) for config in configs}) > 1
    for config in configs:
        (model,) = config.model_config_list.config
        assert model.base_path == f"/models/{model.name}"
        versions = model.model_version_policy.specific.versions
        assert set(model.version_labels.values()) <= set(versions)
        assert "stable" in model.version_labels


def test_a_label_never_moves_to_a_version_that_is_not_loaded():
    """TensorFlow Serving refuses such a file: one state after the other."""
    readme = (_SERVING / "README.md").read_text()
    start = (_SERVING / "models.config").read_text()
    policy = start[start.index("    model_version_policy") : -len("  }\n}\n")]
    loaded, labels = {1}, {"stable": 1}
    for state in re.findall(r"```proto\n(.*?)```", readme, re.DOTALL):
        config = _models_config(start.replace(policy, state))
        (model,) = config.model_config_list.config
        for label, version in model.version_labels.items():
            assert version in loaded or label not in labels, (label, version)
        loaded = set(model.model_version_policy.specific.versions)
        labels = dict(model.version_labels)


def test_requests_are_queued_and_never_merged():
    parameters = _parse("BatchingParameters", "batching.config")
    assert parameters.max_batch_size.value == 1
    assert parameters.num_batch_threads.value >= 1
    assert parameters.max_enqueued_batches.value >= 1


def test_metrics_are_where_prometheus_looks():
    monitoring = _parse("MonitoringConfig", "monitoring.config")
    assert monitoring.prometheus_config.enable
    path = monitoring.prometheus_config.path
    assert path in (_SERVING / "README.md").read_text()
    deployment = _yaml("kubernetes.yaml")[0]
    metadata = deployment["spec"]["template"]["metadata"]
    assert metadata["annotations"]["prometheus.io/path"] == path


def test_compose_file_fits_its_schema():
    pytest.importorskip("check_jsonschema")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec"),
            _SERVING / "docker-compose.yml",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_kubernetes_files_fit_their_schemas(version):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    documents = _yaml("kubernetes.yaml") + _yaml("volume.yaml")
    assert [document["kind"] for document in documents] == [
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
        "PersistentVolumeClaim",
        "Pod",
    ]
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)
    documents[0]["spec"]["template"]["spec"]["container"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(documents[0], version, strict=True)


def test_both_start_the_same_server():
    """The same image, flags that exist, and ports that are there."""
    (compose,) = _yaml("docker-compose.yml")
    service = compose["services"]["serving"]
    deployment, kubernetes_service, scaler = _yaml("kubernetes.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert service["image"] == container["image"]
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+", service["image"])
    assert service["command"] == container["args"]
    for argument in service["command"]:
        name, _, value = argument.removeprefix("--").partition("=")
        if name.endswith("_file"):
            assert (_SERVING / pathlib.PurePath(value).name).is_file()
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    names = {port["name"] for port in container["ports"]}
    for port in kubernetes_service["spec"]["ports"]:
        assert port["targetPort"] in names
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert kubernetes_service["spec"]["selector"].items() <= labels.items()
    target = scaler["spec"]["scaleTargetRef"]
    assert target["name"] == deployment["metadata"]["name"]


def test_networks_are_copied_where_they_are_read():
    deployment = _yaml("kubernetes.yaml")[0]
    claim, pod = _yaml("volume.yaml")
    for spec in (deployment["spec"]["template"]["spec"], pod["spec"]):
        (volume,) = (
            each for each in spec["volumes"] if each["name"] == "models"
        )
        name = volume["persistentVolumeClaim"]["claimName"]
        assert name == claim["metadata"]["name"]
        (mount,) = (
            each
            for each in spec["containers"][0]["volumeMounts"]
            if each["name"] == "models"
        )
        assert mount["mountPath"] == "/models"
    copied = f"{pod['metadata']['name']}:/models/great_wave"
    assert copied in (_SERVING / "README.md").read_text()


def test_rest_has_a_thread_for_all_that_run_and_wait():
    """Otherwise requests wait before the queue, and none gets 503."""
    (compose,) = _yaml("docker-compose.yml")
    command = compose["services"]["serving"]["command"]
    (threads,) = (
        int(argument.partition("=")[2])
        for argument in command
        if argument.startswith("--rest_api_num_threads=")
    )
    parameters = _parse("BatchingParameters", "batching.config")
    running = parameters.num_batch_threads.value
    assert threads > running + parameters.max_enqueued_batches.value


def test_ready_asks_for_a_model_that_is_configured():
    deployment = _yaml("kubernetes.yaml")[0]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    config = _models_config((_SERVING / "models.config").read_text())
    (model,) = config.model_config_list.config
    path = f"/v1/models/{model.name}/metadata"
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] == path
    (compose,) = _yaml("docker-compose.yml")
    check = compose["services"]["serving"]["healthcheck"]["test"]
    assert path in check[-1]


def test_limits_are_requests():
    """A pod is not killed because its neighbors need their memory."""
    deployment = _yaml("kubernetes.yaml")[0]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    resources = container["resources"]
    assert resources["limits"] == resources["requests"]
    parameters = _parse("BatchingParameters", "batching.config")
    assert parameters.num_batch_threads.value <= int(
        resources["limits"]["cpu"]
    )
