"""Embedded REST server for development; the production server is TensorFlow Serving.

It has the same REST API as TensorFlow Serving, and needs no other software than this package. It
serves the version that is the newest when it starts; it does not load newer versions, batch
requests or support gRPC.
"""

import contextlib
import json
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfmmrec.errors import ConfigError, TfmmrecError
from tfmmrec.serving.loaded_model import ServedModel, error_message
from tfmmrec.serving.rest_json import BadRequest, decode_request, encode_response

_MODEL = r"/v1/models/([^/:]+)(?:/versions/([0-9]+))?"
_PREDICT = re.compile(rf"{_MODEL}:predict")
_ABOUT = re.compile(rf"{_MODEL}(/metadata)?")
_ORIGIN = re.compile(r"https?://[^/?#]+")


def serve(
    model_dir: Path,
    *,
    port: int = 8501,
    host: str = "127.0.0.1",
    cors: str | None = None,
    quiet: bool = False,
) -> None:
    """Serves a model until it is stopped.

    Args:
        model_dir: the folder of the model, MODELS/NAME.
        port: the port to listen on; 0 for a free one (default 8501).
        host: the address to listen on; 0.0.0.0 for all interfaces (default 127.0.0.1).
        cors: the origin of web pages that may send requests (CORS), such as http://localhost:8000;
            `null` for pages opened as files, `*` for all (default: none).
        quiet: whether to print errors only.

    Raises:
        ConfigError: `cors` is not an origin.
        DataError: the folder has no version, or the version does not load.
        TfmmrecError: the port is not available.
    """
    middleware = _cors(cors)
    # The port first: an occupied port is reported before the model is loaded.
    with _listen(host, port) as listener:
        model = ServedModel(model_dir)
        if not quiet:
            address = f"http://{host}:{listener.getsockname()[1]}/v1/models/{model.name}"
            print(f"{model.name} version {model.version}: {address} (Ctrl-C stops)", flush=True)
        config = uvicorn.Config(_app(model, middleware), log_level="error" if quiet else "info")
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def create_app(model_dir: Path, *, cors: str | None = None) -> Starlette:
    """Creates the web application for the newest version of a model.

    Args:
        model_dir: the folder of the model, MODELS/NAME; NAME is the name of the model in URLs.
        cors: as for `serve`.

    Raises:
        ConfigError: `cors` is not an origin.
        DataError: the folder has no version, or the version does not load.
    """
    middleware = _cors(cors)
    return _app(ServedModel(model_dir), middleware)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TfmmrecError(f"{host}:{port}: {reason}; give another --port or --host") from None


def _cors(origin: str | None) -> list[Middleware]:
    if origin is None:
        return []
    if origin not in ("*", "null") and not _ORIGIN.fullmatch(origin):
        raise ConfigError(
            "cors must be *, null or an origin such as http://localhost:8000, with neither path "
            f"nor slash behind it. Received: {origin}"
        )
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=(origin,),
            allow_methods=("GET", "POST"),
            allow_headers=("Content-Type",),
        )
    ]


def _app(model: ServedModel, middleware: list[Middleware]) -> Starlette:
    async def answer(request: Request) -> Response:
        method, path = request.method, request.scope["path"]
        if method == "POST" and (found := _PREDICT.fullmatch(path)):
            _check(model, *found.groups())
            return _answer(await run_in_threadpool(_predict, model, await request.body()))
        if method == "GET" and (found := _ABOUT.fullmatch(path)):
            name, version, metadata = found.groups()
            _check(model, name, version)
            return _answer(_metadata(model) if metadata else _status(model))
        return _malformed(request)

    handlers: Mapping[Any, Any] = {
        405: lambda request, error: _malformed(request),
        HTTPException: lambda request, error: _answer({"error": error.detail}, error.status_code),
        BadRequest: lambda request, error: _answer({"error": str(error)}, 400),
        Exception: lambda request, error: _answer({"error": error_message(error)}, 500),
    }
    route = Route("/v1/{path:path}", answer, methods=["GET", "POST"])
    return Starlette(routes=[route], middleware=middleware, exception_handlers=handlers)


def _status(model: ServedModel) -> dict[str, Any]:
    state = {
        "version": str(model.version),
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    return {"model_version_status": [state]}


def _metadata(model: ServedModel) -> dict[str, Any]:
    spec = {"name": model.name, "signature_name": "", "version": str(model.version)}
    return {
        "model_spec": spec,
        "metadata": {"signature_def": {"signature_def": model.metadata}},
    }


def _predict(model: ServedModel, body: bytes) -> dict[str, Any]:
    request = decode_request(body, model.signatures)
    return encode_response(model.predict(request), by_row=request.by_row)


def _check(model: ServedModel, name: str, version: str | None) -> None:
    """Raises 404 if the URL names another model or version."""
    if name != model.name:
        raise HTTPException(404, f"no model {name!r} here; there is {model.name}")
    # Compared as numbers: 007 is 7.
    if version is not None and (version.lstrip("0") or "0") != str(model.version):
        raise HTTPException(404, f"{name}: no version {version} here; there is {model.version}")


def _malformed(request: Request) -> Response:
    error = (
        f"Malformed request: {request.method} {request.scope['path']}; there are "
        "GET /v1/models/NAME, GET /v1/models/NAME/metadata and POST /v1/models/NAME:predict"
    )
    return _answer({"error": error}, 400)


def _answer(content: dict[str, Any], status_code: int = 200) -> Response:
    # Starlette's JSONResponse rejects NaN, which TensorFlow Serving sends.
    body = json.dumps(content, ensure_ascii=False) + "\n"
    return Response(body, status_code, media_type="application/json")
