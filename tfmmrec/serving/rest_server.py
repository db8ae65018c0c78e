"""Embedded REST server for development; the production server is TensorFlow Serving.

It has the same REST API as TensorFlow Serving, and needs no other software than this package. In
addition it takes requests that leave inputs out, packs their texts, pictures and sounds like those
of items, reads and writes gzip, and describes the model at GET /. It serves the version that is the
newest when it starts; it does not load newer versions, batch requests or support gRPC.
"""

import contextlib
import json
import re
import socket
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tfmmrec.errors import ConfigError, TfmmrecError
from tfmmrec.serving.loaded_model import ServedModel, error_message
from tfmmrec.serving.request_body import read_body
from tfmmrec.serving.rest_json import decode_request, encode_response
from tfmmrec.serving.rest_values import BadRequest
from tfmmrec.serving.server_overview import overview, overview_text, paths

_MODEL = r"/v1/models/([^/:]+)(?:/versions/([0-9]+))?"
_PREDICT = re.compile(rf"{_MODEL}:predict")
_ABOUT = re.compile(rf"{_MODEL}(/metadata)?")
# Smaller answers do not gain from compression.
_GZIP_FROM_BYTES = 1000
_ORIGIN = re.compile(r"https?://[^/?#]+")


def serve(
    model_dir: Path,
    *,
    port: int = 8501,
    host: str = "127.0.0.1",
    cors: str | None = None,
    quiet: bool = False,
    debug: bool = False,
) -> None:
    """Serves a model until it is stopped.

    Args:
        model_dir: the folder of the model, MODELS/NAME.
        port: the port to listen on; 0 for a free one (default 8501).
        host: the address to listen on; 0.0.0.0 for all interfaces (default 127.0.0.1).
        cors: the origin of web pages that may send requests (CORS), such as http://localhost:8000;
            `null` for pages opened as files, `*` for all (default: none).
        quiet: whether to print errors only.
        debug: whether to print the traceback of an error of the server, and refused requests.

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
            address = f"http://{host}:{listener.getsockname()[1]}"
            print(f"{model.name} version {model.version}: {address}/v1/models/{model.name}")
            print(f"{address}/ shows its inputs and examples; Ctrl-C stops", flush=True)
        config = uvicorn.Config(
            _app(model, middleware, debug), log_level="error" if quiet else "info"
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def create_app(model_dir: Path, *, cors: str | None = None, debug: bool = False) -> Starlette:
    """Creates the web application for the newest version of a model.

    Args:
        model_dir: the folder of the model, MODELS/NAME; NAME is the name of the model in URLs.
        cors: as for `serve`.
        debug: as for `serve`.

    Raises:
        ConfigError: `cors` is not an origin.
        DataError: the folder has no version, or the version does not load.
    """
    middleware = _cors(cors)
    return _app(ServedModel(model_dir), middleware, debug)


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
            allow_headers=("Content-Type", "Content-Encoding"),
        )
    ]


def _app(model: ServedModel, middleware: list[Middleware], debug: bool) -> Starlette:
    async def answer(request: Request) -> Response:
        method, path = request.method, request.scope["path"]
        if method == "POST" and (found := _PREDICT.fullmatch(path)):
            _check(model, *found.groups())
            body = await read_body(request)
            return _answer(await run_in_threadpool(_predict, model, body))
        if method == "GET" and (found := _ABOUT.fullmatch(path)):
            name, version, metadata = found.groups()
            _check(model, name, version)
            return _answer(_metadata(model) if metadata else _status(model))
        return _malformed(request)

    async def reported(request: Request) -> Response:
        try:
            return await answer(request)
        except HTTPException as error:
            content, status, headers = {"error": error.detail}, error.status_code, error.headers
        except BadRequest as error:
            content, status, headers = _refusal(error), 400, None
        except Exception as error:  # of TensorFlow or a decoder, of any kind
            content, status, headers = {"error": _reason(error)}, 500, None
            if debug:
                traceback.print_exc()
        if debug or status == 500:
            what = f"{request.method} {request.scope['path']}"
            print(f"tfmmrec: {what}: {status}: {content['error']}", file=sys.stderr, flush=True)
        return _answer(content, status, headers)

    def nothing_here(request: Request, error: Exception) -> Response:
        there = f"there are {', '.join(paths(model.name))}"
        return _answer({"error": f"nothing at {request.scope['path']}; {there}"}, 404)

    def about(request: Request) -> Response:
        address = str(request.base_url)
        if _prefers_text(request.headers.get("accept", "")):
            return PlainTextResponse(overview_text(model, address))
        return _answer(overview(model, address))

    routes = [
        Route("/", about, methods=["GET"]),
        Route("/v1/{path:path}", reported, methods=["GET", "POST"]),
    ]
    compressed = Middleware(GZipMiddleware, minimum_size=_GZIP_FROM_BYTES)
    handlers: Mapping[Any, Any] = {404: nothing_here, 405: _malformed}
    return Starlette(
        routes=routes, middleware=[*middleware, compressed], exception_handlers=handlers
    )


def _prefers_text(accept: str) -> bool:
    """Whether a client is a browser, which asks for HTML first; the page is plain text."""
    first = accept.split(",")[0].split(";")[0].strip().lower()
    return first in ("text/html", "text/plain", "application/xhtml+xml")


def _refusal(error: BadRequest) -> dict[str, Any]:
    return {"error": str(error), **({"problems": error.problems} if error.problems else {})}


def _reason(error: Exception) -> str:
    """Returns one line, also of an error without a message, such as MemoryError."""
    return error_message(error) or type(error).__name__


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
    request = decode_request(body, model.signatures, model.facts)
    return encode_response(model.predict(request), by_row=request.by_row)


def _check(model: ServedModel, name: str, version: str | None) -> None:
    """Raises 404 if the URL names another model or version."""
    if name != model.name:
        raise HTTPException(
            404, f"no model {name!r} here; there is {model.name}: {', '.join(paths(model.name))}"
        )
    # Compared as numbers: 007 is 7.
    if version is not None and (version.lstrip("0") or "0") != str(model.version):
        raise HTTPException(404, f"{name}: no version {version} here; there is {model.version}")


def _malformed(request: Request, error: Exception | None = None) -> Response:
    message = (
        f"Malformed request: {request.method} {request.scope['path']}; there are "
        "GET /v1/models/NAME, GET /v1/models/NAME/metadata and POST /v1/models/NAME:predict"
    )
    return _answer({"error": message}, 400)


def _answer(
    content: dict[str, Any], status_code: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    body = json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"
    return Response(body, status_code, headers, media_type="application/json")
