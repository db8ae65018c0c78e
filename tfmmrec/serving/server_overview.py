"""What GET / of the embedded server answers: the signatures, their inputs, and examples."""

import base64
import io
import json
import math
import shlex
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import PIL.Image
import soundfile
import tensorflow as tf

from tfmmrec.serving.input_facts import InputFacts
from tfmmrec.serving.loaded_model import ServedModel
from tfmmrec.serving.rest_json import describe_spec
from tfmmrec.serving.rest_values import absent_value

_EXAMPLE_K = 5
# The features that describe an item in an example, the first kind that there is.
_ORDER = ("text", "categorical", "image", "audio", "video", "number", "vector")
_MAX_CHARS = 60


def paths(name: str) -> list[str]:
    """Returns the requests that there are."""
    model = f"/v1/models/{urllib.parse.quote(name)}"
    return ["GET /", f"GET {model}", f"GET {model}/metadata", f"POST {model}:predict"]


def overview(model: ServedModel, address: str) -> dict[str, Any]:
    """Describes a model for programs.

    Args:
        model: the model.
        address: the address of the server, such as http://127.0.0.1:8501.
    """
    signatures = {}
    for name, specs in model.signatures.items():
        facts = {key: model.facts.get(name, {}).get(key, InputFacts()) for key in specs}
        inputs = {}
        for key, spec in specs.items():
            shape = None if spec.shape.rank is None else spec.shape.as_list()
            inputs[key] = {
                "dtype": spec.dtype.name,
                "shape": shape,
                "required": facts[key].required,
                **({"modality": own.kind} if (own := facts[key].modality) else {}),
            }
        outputs = {key: describe_spec(spec) for key, spec in sorted(model.outputs(name).items())}
        example = _example(model, name, facts)
        url = f"{address.rstrip('/')}/v1/models/{urllib.parse.quote(model.name)}:predict"
        curl = f"curl -d {shlex.quote(example)} {shlex.quote(url)}"
        signatures[name] = {"inputs": inputs, "outputs": outputs, "example": curl}
    return {
        "model": model.name,
        "version": str(model.version),
        "requests": paths(model.name),
        "signatures": signatures,
    }


def overview_text(model: ServedModel, address: str) -> str:
    """Describes a model for people, as plain text."""
    content = overview(model, address)
    return "\n".join(_lines(model, content)) + "\n"


def _lines(model: ServedModel, content: Mapping[str, Any]) -> Iterator[str]:
    yield f"{model.name}, version {model.version}, served by tfmmrec"
    yield ""
    yield from content["requests"]
    for name, signature in content["signatures"].items():
        yield ""
        yield f"signature {name}"
        for key, own in signature["inputs"].items():
            kind = f", {own['modality']}" if "modality" in own else ""
            needed = "required" if own["required"] else "may be left out"
            spec = describe_spec(model.signatures[name][key])
            yield f"    input   {key}: {spec}{kind}; {needed}"
        for key, described in signature["outputs"].items():
            yield f"    output  {key}: {described}"
        yield f"    {signature['example']}"


def _example(model: ServedModel, signature: str, facts: Mapping[str, InputFacts]) -> str:
    """Returns a body that the signature answers."""
    specs, warm = model.signatures[signature], model.warmup.get(signature, {})
    row: dict[str, Any] = {}
    for name, spec in specs.items():
        if name == "k":
            row[name] = _EXAMPLE_K
        elif facts[name].required:
            row[name] = _known(warm.get(name)) or _nothing(spec)
    if not any(own.required for own in facts.values()):
        name = min(facts, key=lambda name: _rank(facts[name]))
        value = _known(warm.get(name)) or _content(facts[name], specs[name])
        row[name] = value
    return json.dumps({"signature_name": signature, "instances": [row]}, ensure_ascii=False)


def _rank(facts: InputFacts) -> int:
    kind = "" if facts.modality is None else facts.modality.kind
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _known(values: np.ndarray | None) -> Any:
    """The first row of an input in the warm-up requests, if it is short text; otherwise None."""
    if values is None or values.dtype != object:
        return None
    try:
        row = [value.decode() for value in values[0].ravel() if value] if values.ndim > 1 else None
        text = values[0].decode() if row is None else None
    except UnicodeDecodeError:
        return None
    if text is not None and len(text) > _MAX_CHARS:
        return text[:_MAX_CHARS].rpartition(" ")[0] or text[:_MAX_CHARS]
    return text if row is None else row


def _content(facts: InputFacts, spec: tf.TensorSpec) -> Any:
    kind = "" if facts.modality is None else (facts.modality.element or facts.modality).kind
    value: Any = {"text": "a few words", "categorical": "a category", "number": 1.0}.get(kind)
    if kind == "image":
        value = _in_base64("PNG")
    elif kind == "audio":
        value = _in_base64("WAV")
    elif kind == "vector":
        return [1.0] * spec.shape[1]
    if value is None:
        return _nothing(spec)
    return [value] if spec.shape.rank == 2 else value


def _in_base64(kind: str) -> dict[str, str]:
    """A tiny file: a gray pixel or a tenth of a second of silence."""
    out = io.BytesIO()
    if kind == "PNG":
        PIL.Image.new("L", (1, 1), 128).save(out, format="PNG")
    else:
        soundfile.write(out, np.zeros(100), 1000, format="WAV", subtype="PCM_16")
    return {"b64": base64.b64encode(out.getvalue()).decode()}


def _nothing(spec: tf.TensorSpec) -> Any:
    value: Any = absent_value(spec.dtype)
    if value is None:
        value = False if spec.dtype == tf.bool else 0
    elif isinstance(value, float) and math.isnan(value):
        value = 0.0
    for size in reversed((spec.shape.as_list() if spec.shape.rank else [None])[1:]):
        value = [value] * (size or 1)
    return value
