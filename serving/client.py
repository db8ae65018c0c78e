"""Sends a request to a model on TensorFlow Serving or on the embedded server.

    python serving/client.py --model demo --history i00012,i00345 --k 5 user_age=34
    python serving/client.py --model demo --signature search title="red stamp" picture=@stamp.jpg

Needs neither TensorFlow nor tfmmrec.
"""

import base64
import json
import math
import sys
from pathlib import Path
from typing import Any

import jsonargparse
import requests


def main() -> None:
    """Sends the request; prints one line per item with its score, or other outputs as JSON."""
    options = _parser().parse_args()
    address = f"{options.url.rstrip('/')}/v1/models/{options.model}"
    if options.version is not None:
        address += f"/versions/{options.version}"
    given = _features(options.features)
    for name in ("history", "exclude"):
        if options[name] is not None:
            given[name] = _ids(name, options[name])
    if options.history_time is not None:
        given["history_time"] = options.history_time.split(",")
    metadata = _request("GET", f"{address}/metadata")["metadata"]["signature_def"]["signature_def"]
    metadata.pop("__saved_model_init_op", None)  # not a signature for requests
    if options.signature not in metadata:
        raise ValueError(
            f"signature must be one of {', '.join(metadata)}. Received: {options.signature}"
        )
    inputs = metadata[options.signature]["inputs"]
    if "k" in inputs:
        given.setdefault("k", [options.k])
    if "history_time" in inputs:
        _check_times(given)
    for name in given:
        if name not in inputs:
            raise ValueError(
                f"input of {options.signature} must be one of {', '.join(inputs)}. Received: {name}"
            )
    row = {name: [_value(name, given.get(name), info)] for name, info in inputs.items()}
    body = {"signature_name": options.signature, "inputs": row}
    outputs = _request("POST", f"{address}:predict", json.dumps(body))["outputs"]
    if not (isinstance(outputs, dict) and {"items", "scores"} <= outputs.keys()):
        print(json.dumps(outputs))
        return
    for item, score in zip(outputs["items"][0], outputs["scores"][0], strict=True):
        if item:  # "" is padding
            print(f"{score:.6f}\t{item}")


def _parser() -> jsonargparse.ArgumentParser:
    parser = jsonargparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    ids = """ID,ID or, if an id has a comma in it, JSON: '["ID", "ID"]'"""
    parser.add_argument("--url", default="http://127.0.0.1:8501", help="URL of the REST server")
    parser.add_argument("--model", required=True, help="name of the model on the server")
    parser.add_argument("--version", type=int | None, help="version of the model; default: newest")
    signature = "signature, such as serving_default, search or encode_items"
    parser.add_argument("--signature", default="serving_default", help=signature)
    parser.add_argument("--history", type=str | None, help=f"item ids, oldest first: {ids}")
    times = "time of each item of --history, N,N: Unix seconds; 0, the default, is unknown"
    parser.add_argument("--history-time", type=str | None, help=times)
    exclude = "item ids to exclude, in the format of --history"
    parser.add_argument("--exclude", type=str | None, help=exclude)
    parser.add_argument("--k", type=int, default=10, help="number of items")
    features = "NAME=VALUE or NAME=@FILE; @@ for a value that begins with @; repeat for a list"
    parser.add_argument("features", nargs="*", help=features)
    return parser


def _ids(name: str, text: str) -> list[str]:
    if not text.startswith("["):
        return text.split(",")
    try:
        ids = json.loads(text)
    except ValueError as error:
        raise ValueError(f"--{name}: not valid as a JSON list: {error}") from None
    if not all(isinstance(identity, str) for identity in ids):
        raise ValueError(f"--{name} must be a JSON list of strings. Received: {text}")
    return ids or [""]


def _check_times(given: dict[str, list[Any]]) -> None:
    """Sets missing times of a history to 0, unknown, and checks their number."""
    ids = given.get("history", [""])
    times = given.setdefault("history_time", [0] * len(ids))
    if len(times) != len(ids):
        raise ValueError(
            f"history_time must have one time per id of history. Received: {len(times)} times "
            f"for {len(ids)} ids"
        )


def _features(arguments: list[str]) -> dict[str, list[Any]]:
    features: dict[str, list[Any]] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals:
            raise ValueError(f"a feature must be NAME=VALUE. Received: {argument}")
        given: Any = value
        if value.startswith("@@"):
            given = value[1:]
        elif value.startswith("@"):
            given = {"b64": base64.b64encode(Path(value[1:]).read_bytes()).decode()}
        features.setdefault(name, []).append(given)
    return features


def _value(name: str, values: list[Any] | None, info: dict[str, Any]) -> Any:
    """Returns one row of an input; None gives the value of a missing input, "" or NaN."""
    is_list, is_string = len(info["tensor_shape"]["dim"]) > 1, info["dtype"] == "DT_STRING"
    if values is None:
        nothing = "" if is_string else math.nan
        return [nothing] if is_list else nothing
    if len(values) > 1 and not is_list:
        raise ValueError(f"{name} must have one value. Received: {len(values)} values")
    try:
        kind = float if info["dtype"] in ("DT_FLOAT", "DT_DOUBLE") else int
        values = values if is_string else [kind(value) for value in values]
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number. Received: {values[0]}") from None
    return values if is_list else values[0]


def _request(method: str, address: str, body: str | None = None) -> dict[str, Any]:
    try:
        response = requests.request(method, address, data=body, timeout=60)
    except requests.ConnectionError:
        raise ValueError(f"{address}: no server responds; start one or correct --url") from None
    try:
        content = response.json()
    except ValueError:
        message = f"{address}: the response is not JSON, status {response.status_code}"
        raise ValueError(message) from None
    if not response.ok:
        raise ValueError(f"{address}: {content.get('error', response.status_code)}")
    return content


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:  # errors of requests are subclasses of OSError
        sys.exit(f"client: error: {' '.join(str(error).split())}")
