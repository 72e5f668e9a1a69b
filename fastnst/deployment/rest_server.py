"""TensorFlow Serving's REST interface to exported networks, and static files.

A WSGI application for development, `python -m fastnst.serve`. Beside
`/v1/models/...` it serves the files of one folder: the page that runs networks
in the browser.
"""

from collections.abc import Mapping
import json
import pathlib
import re
import socket

from absl import logging
from werkzeug import exceptions
from werkzeug import serving
from werkzeug import utils
from werkzeug import wrappers

from fastnst.deployment import json_tensors
from fastnst.deployment import served_models

# As TensorFlow Serving translates them.
_STATUS = {
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
_MODEL = r"/v1/models/([^/:]+)(?:/versions/(\d{1,18})|/labels/([^/:]+))?"
_PREDICT = re.compile(_MODEL + ":predict")
_STATE = re.compile(_MODEL + "(/metadata)?")
# Some systems do not know them; browsers refuse wasm of another type.
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".tflite": "application/octet-stream",
}
_TIMEOUT_SECONDS = 60


class Application:
    """The WSGI application.

    Args:
        models: By name.
        gate: What requests wait at.
        max_request_bytes: A body must be smaller, or is refused (413).
        web: Folder of static files, index.html for `/`; None is none.
    """

    def __init__(
        self,
        models: Mapping[str, served_models.ServedModel],
        gate: served_models.Gate,
        *,
        max_request_bytes: int,
        web: pathlib.Path | None = None,
    ):
        self._models = models
        self._gate = gate
        self._max_request_bytes = max_request_bytes
        self._web = web

    def __call__(self, environ, start_response):
        """Answers a request, as WSGI (PEP 3333) wants it."""
        request = wrappers.Request(environ)
        request.max_content_length = self._max_request_bytes
        try:
            response = self._respond(request)
        except served_models.RequestError as error:
            response = _error(_STATUS[error.code], str(error))
        except exceptions.RequestEntityTooLarge:
            response = _error(
                413,
                f"A request must be below {self._max_request_bytes} bytes. "
                f"Received: {request.content_length or 'more'}.",
            )
        except exceptions.HTTPException as error:
            response = _error(error.code or 500, error.name)
        return response(environ, start_response)

    def _respond(self, request: wrappers.Request) -> wrappers.Response:
        if request.path.startswith("/v1/"):
            return self._respond_model(request)
        if request.method not in ("GET", "HEAD"):
            raise exceptions.MethodNotAllowed()
        return self._respond_web(request)

    def _respond_model(self, request: wrappers.Request) -> wrappers.Response:
        pattern = {"POST": _PREDICT, "GET": _STATE}.get(request.method)
        match = pattern and pattern.fullmatch(request.path)
        if not match:
            raise served_models.RequestError(
                "INVALID_ARGUMENT",
                f"Malformed request: {request.method} {request.path}",
            )
        if match[3]:
            raise served_models.RequestError(
                "INVALID_ARGUMENT",
                f"Unrecognized servable version label: {match[3]}",
            )
        version = int(match[2]) if match[2] else None
        model = served_models.select(self._models, match[1], version)
        if request.method == "POST":
            body = request.get_data()
            # A body sent in chunks is cut there, without an error.
            if len(body) >= self._max_request_bytes:
                raise exceptions.RequestEntityTooLarge()
            return _json(self._predict(model, body))
        return _json(_metadata(model) if match[4] else _state(model))

    def _predict(
        self, model: served_models.ServedModel, body: bytes
    ) -> bytes:
        request = json_tensors.parse(body)
        specs = model.input_specs(request.signature)
        inputs = json_tensors.to_arrays(request, specs)
        with self._gate.turn():
            outputs = model.predict(request.signature, inputs)
        return json_tensors.to_json(outputs, rows=request.rows)

    def _respond_web(self, request: wrappers.Request) -> wrappers.Response:
        if self._web is None:
            if request.path == "/":
                return _json({"models": sorted(self._models)})
            raise exceptions.NotFound()
        path = request.path.lstrip("/")
        if not path or path.endswith("/"):
            path += "index.html"
        return _send(request, self._web, path)


def start(
    application: Application, host: str, port: int
) -> serving.BaseWSGIServer:
    """Makes a server that listens; its `serve_forever` answers.

    Args:
        application: What answers.
        host: Name or address to listen at.
        port: 0 is any that is free.

    Raises:
        OSError: If it cannot listen there.
    """
    # Werkzeug prints its own lines, and exits, where a port is taken.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=256)
    try:
        return serving.make_server(
            host,
            listening.getsockname()[1],
            application,
            threaded=True,
            request_handler=_RequestHandler,
            fd=listening.fileno(),
        )
    finally:
        listening.close()  # The server has its own copy.


class _RequestHandler(serving.WSGIRequestHandler):
    """Closes what stays silent; logs requests, bad ones too, for debugging."""

    timeout = _TIMEOUT_SECONDS

    def log(self, type, message, *args):
        """Logs with absl, not with Werkzeug's colors."""
        logging.debug("%s %s", self.address_string(), message % args)


def _state(model: served_models.ServedModel) -> dict:
    status = {"error_code": "OK", "error_message": ""}
    version = {
        "version": str(model.version),
        "state": "AVAILABLE",
        "status": status,
    }
    return {"model_version_status": [version]}


def _metadata(model: served_models.ServedModel) -> dict:
    # Only in use here: it takes a while to import.
    from google.protobuf import json_format

    signatures = {
        name: json_format.MessageToDict(
            signature,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        for name, signature in model.signature_defs.items()
    }
    return {
        "model_spec": {
            "name": model.name,
            "signature_name": "",
            "version": str(model.version),
        },
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _json(content: dict | bytes, status: int = 200) -> wrappers.Response:
    if not isinstance(content, bytes):
        content = json.dumps(content, indent=1).encode() + b"\n"
    return wrappers.Response(content, status, mimetype="application/json")


def _error(status: int, message: str) -> wrappers.Response:
    return _json({"error": message}, status)


def _send(
    request: wrappers.Request, folder: pathlib.Path, path: str
) -> wrappers.Response:
    """Sends a file of a folder; NotFound if there is none, or it is outside."""
    response = utils.send_from_directory(
        folder.absolute(),
        path,
        request.environ,
        mimetype=_TYPES.get(pathlib.PurePath(path).suffix),
    )
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
