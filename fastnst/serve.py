"""Serves exported networks on this computer, for development.

    python -m fastnst.serve --networks=export/products

answers as TensorFlow Serving does, REST at port 8501 and gRPC at port 8500,
for the newest version of every SavedModel that `fastnst.export` wrote there.
With --web=DIR it serves the page of export/web too. It is meant for trying
things out: it has no authentication, loads no version later, moves no label,
merges no requests. export/serving/README.md tells how to run the real server.
"""

import pathlib
import signal

from absl import flags

from fastnst import command_line

_NETWORKS = flags.DEFINE_string(
    "networks", "export/products", "The --output_dir of fastnst.export."
)
_WEB = flags.DEFINE_string(
    "web",
    None,
    "Folder of static files to serve at /: the built page of export/web.",
)
_HOST = flags.DEFINE_string(
    "host", "127.0.0.1", "Address to listen at; others cannot reach 127.0.0.1."
)
_REST_PORT = flags.DEFINE_integer(
    "rest_port", 8501, "Port of REST and page; 0: any.", 0, 65535
)
_GRPC_PORT = flags.DEFINE_integer(
    "grpc_port", 8500, "Port of gRPC; 0: any.", 0, 65535
)
_GRPC = flags.DEFINE_bool("grpc", True, "Whether to answer gRPC.")
_MAX_REQUEST_MB = flags.DEFINE_integer(
    "max_request_mb", 32, "Largest request, in 1e6 bytes.", lower_bound=1
)
_CONCURRENCY = flags.DEFINE_integer(
    "concurrency",
    2,
    "Requests that run at a time; each needs the memory of one picture.",
    lower_bound=1,
)
_MAX_WAITING = flags.DEFINE_integer(
    "max_waiting", 256, "Requests that may wait, the next is refused (503).", 0
)


def main(argv: list[str]) -> None:
    """Serves until it is stopped."""
    del argv
    networks = pathlib.Path(_NETWORKS.value).expanduser()
    web = pathlib.Path(_WEB.value).expanduser() if _WEB.value else None
    if web and not (web / "index.html").is_file():
        raise ValueError(
            f"--web must be a folder with index.html. Received: {web}. "
            "export/web/README.md tells how to build the page."
        )
    models, gate, limit = _load(networks, web)
    rest_server = _import("rest_server")
    server = rest_server.start(
        rest_server.Application(
            models,
            gate,
            max_request_bytes=limit,
            web=web,
        ),
        _HOST.value,
        _REST_PORT.value,
    )
    for model in models.values():
        print(f"serving {model.name} version {model.version}")
    host = f"[{_HOST.value}]" if ":" in _HOST.value else _HOST.value
    if _GRPC.value and models:
        # Stops with the process: nothing waits for its threads.
        grpc_server, port = _import("grpc_server").start(
            models,
            gate,
            address=f"{host}:{_GRPC_PORT.value}",
            max_request_bytes=limit,
        )
        print(f"gRPC at {host}:{port}")
    print(f"REST at http://{host}:{server.port}", flush=True)
    signal.signal(signal.SIGTERM, _stop)
    server.serve_forever()


def _load(networks: pathlib.Path, web: pathlib.Path | None) -> tuple:
    """Returns the models, the gate and the largest size of a request."""
    import fastnst

    # TensorFlow takes seconds to import; a bad flag or --help must not wait.
    fastnst.import_tensorflow()
    from fastnst.deployment import served_models

    models = served_models.load(networks)
    if not models and not web:
        raise ValueError(
            "--networks must be the --output_dir of fastnst.export, with a "
            f"SavedModel in it. Received: {networks}."
        )
    gate = served_models.Gate(_CONCURRENCY.value, _MAX_WAITING.value)
    return models, gate, _MAX_REQUEST_MB.value * 10**6


def _import(module: str):
    """Imports a module that needs what the extra `serve` installs."""
    import importlib

    try:
        return importlib.import_module(f"fastnst.deployment.{module}")
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{error.name} is missing: pip install 'fastnst[serve]'"
            + (", or give --nogrpc." if module == "grpc_server" else ".")
        ) from error


def _stop(*unused) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    command_line.run(main)
