"""JSON bodies of TensorFlow Serving's REST API, decoded to arrays and encoded from them.

A request has its rows under `instances`, as a list of values or of objects by input, or its columns
under `inputs`; the response has `predictions` or `outputs`, respectively. A single output has no
name. Strings may be given as {"b64": ...}; outputs with names that end in `_bytes` are sent in this
form. https://www.tensorflow.org/tfx/serving/api_rest

Beyond TensorFlow Serving, null is an absent value, and inputs that signatures.json calls optional
may be left out.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.errors import did_you_mean
from tfmmrec.serving.input_facts import Facts, InputFacts
from tfmmrec.serving.rest_values import (
    BadRequest,
    absent_value,
    fill_rows,
    is_b64,
    to_array,
    to_json,
)

Specs = Mapping[str, tf.TensorSpec]
# The inputs of each signature.
Signatures = Mapping[str, Specs]


@dataclasses.dataclass(frozen=True)
class PredictRequest:
    """A decoded request.

    Attributes:
        signature: the name of the signature.
        inputs: one array per input.
        by_row: whether the request has `instances`, and its response `predictions`.
    """

    signature: str
    inputs: Mapping[str, np.ndarray]
    by_row: bool


def decode_request(
    body: bytes, signatures: Signatures, facts: Facts | None = None
) -> PredictRequest:
    """Decodes the body of a predict request.

    Args:
        body: JSON in UTF-8.
        signatures: the input specs of each signature.
        facts: which inputs may be left out (default: none).

    Raises:
        BadRequest: the body is not JSON, or does not match the signature; the message names all
            inputs that are missing, unknown or of a wrong type.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(request, dict):
        raise BadRequest("the body must be a JSON object with 'instances' or 'inputs'")
    name = request.get("signature_name") or "serving_default"
    if not isinstance(name, str) or name not in signatures:
        raise BadRequest(f"signature_name: no {name!r} here; there are {', '.join(signatures)}")
    if ("instances" in request) == ("inputs" in request):
        raise BadRequest("give one of 'instances' (rows) and 'inputs' (columns)")
    by_row = "instances" in request
    reader = _Reader(signatures[name], (facts or {}).get(name, {}))
    columns = reader.rows(request["instances"]) if by_row else reader.columns(request["inputs"])
    reader.refuse_no_content(columns)
    return PredictRequest(name, reader.arrays(columns), by_row)


def encode_response(outputs: Mapping[str, np.ndarray], *, by_row: bool) -> dict[str, Any]:
    """Encodes outputs as the JSON object of a response.

    Args:
        outputs: the outputs of a signature.
        by_row: whether the request had `instances`.

    Raises:
        BadRequest: the outputs do not have the same number of rows, which `instances` needs.
    """
    columns = {name: to_json(name, value) for name, value in outputs.items()}
    single = next(iter(columns)) if len(columns) == 1 else None
    if not by_row:
        return {"outputs": columns if single is None else columns[single]}
    if len({value.shape[:1] for value in outputs.values()} - {()}) != 1 or any(
        value.ndim == 0 for value in outputs.values()
    ):
        raise BadRequest(f"the outputs {', '.join(outputs)} share no rows; ask with 'inputs'")
    if single is not None:
        return {"predictions": columns[single]}
    rows = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in rows]}


class _Reader:
    """Reads the inputs of one signature, and names all that are wrong at once."""

    def __init__(self, specs: Specs, facts: Mapping[str, InputFacts]):
        self._specs = specs
        self._facts = {name: facts.get(name, InputFacts()) for name in specs}
        self._is_described = bool(facts)
        self._num_rows = 0
        # By input, so that each is named once.
        self._problems: dict[str, tuple[str, dict[str, Any]]] = {}

    def rows(self, instances: Any) -> dict[str, Any]:
        """Converts rows to one list per input that any row has; null where a row has it not."""
        if not isinstance(instances, list) or not instances:
            raise BadRequest("instances: must be a list of at least one row")
        self._num_rows = len(instances)
        rows = []
        for number, instance in enumerate(instances):
            where = f"instances[{number}]: "
            rows.append(self._named(instance, where))
            self._check_names(rows[-1], where)
        found = [name for name in self._specs if any(name in row for row in rows)]
        return {name: [row.get(name) for row in rows] for name in found}

    def columns(self, inputs: Any) -> dict[str, Any]:
        """Returns the inputs by name; null is like left out if the input is optional."""
        named = self._named(inputs, "")
        self._check_names(named, "")
        known = {name: value for name, value in named.items() if name in self._specs}
        lengths = {name: len(value) for name, value in known.items() if isinstance(value, list)}
        self._num_rows = max(lengths.values(), default=1)
        # A single k holds for all rows.
        if self._is_described and len({lengths[name] for name in lengths if name != "k"}) > 1:
            sizes = ", ".join(f"{name} has {size}" for name, size in lengths.items())
            raise BadRequest(f"the inputs must have the same number of rows: {sizes}")
        return {name: value for name, value in known.items() if value is not None}

    def refuse_no_content(self, columns: Mapping[str, Any]) -> None:
        """Raises BadRequest if an item is to be described and nothing of it is given."""
        features = [name for name, facts in self._facts.items() if facts.feature is not None]
        needs_any = features and not any(facts.required for facts in self._facts.values())
        if needs_any and not self._problems and not any(name in columns for name in features):
            described = ", ".join(self._describe(name) for name in features)
            raise BadRequest(
                f"nothing to encode is given; give at least one of {described}",
                [self._problem(name, "missing") for name in features],
            )

    def arrays(self, columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Converts the values, absent ones included, to arrays.

        Raises:
            BadRequest: inputs are missing, unknown or of a wrong type; all are named.
        """
        arrays, values = {}, dict(columns)
        # The inputs that are as long as another come behind it.
        for name in sorted(self._specs, key=lambda name: self._facts[name].as_long_as or ""):
            if name in self._problems:
                continue
            spec, facts = self._specs[name], self._facts[name]
            absent = absent_value(spec.dtype) if facts.absent is None else facts.absent
            longest = _longest(values.get(facts.as_long_as or "", ()))
            given = values.get(name, [None] * self._num_rows)
            values[name] = fill_rows(given, spec, absent, longest)
            try:
                arrays[name] = to_array(name, values[name], spec, absent)
            except BadRequest as error:
                self._add(name, str(error), "wrong")
        if self._problems:
            lines, problems = zip(*self._problems.values(), strict=True)
            raise BadRequest("; ".join(lines), problems)
        return {name: arrays[name] for name in self._specs}

    def _named(self, value: Any, where: str) -> dict[str, Any]:
        """Returns the value of each input; with a single input, its name may be omitted."""
        if isinstance(value, dict) and not is_b64(value):
            return value
        if len(self._specs) != 1:
            described = ", ".join(self._describe(name) for name in self._specs)
            raise BadRequest(f"{where}an object with the inputs {described} is needed")
        return dict.fromkeys(self._specs, value)

    def _check_names(self, row: Mapping[str, Any], where: str) -> None:
        for name in self._specs:
            if name not in row and self._facts[name].required:
                self._add(name, f"{where}the input {self._describe(name)} is missing", "missing")
        for name in row:
            if name not in self._specs:
                hint = did_you_mean(name, self._specs) or f"; there are {', '.join(self._specs)}"
                self._add(name, f"{where}no input {name!r} here{hint}", "unknown")

    def _add(self, name: str, line: str, kind: str) -> None:
        self._problems.setdefault(name, (line, self._problem(name, kind, line)))

    def _problem(self, name: str, kind: str, line: str = "") -> dict[str, Any]:
        found: dict[str, Any] = {"input": name, "problem": kind}
        if name in self._specs:
            spec = self._specs[name]
            shape = None if spec.shape.rank is None else spec.shape.as_list()
            found |= {"dtype": spec.dtype.name, "shape": shape}
        return found | ({"message": line} if line else {})

    def _describe(self, name: str) -> str:
        return f"{name!r} ({describe_spec(self._specs[name])})"


def describe_spec(spec: tf.TensorSpec) -> str:
    """Returns the type and shape of an input in words, such as `string [batch, n]`."""
    if spec.shape.rank is None:
        return spec.dtype.name
    names = ["batch", "n", "m", "l"]
    sizes = [str(size or names[min(at, 3)]) for at, size in enumerate(spec.shape.as_list())]
    return f"{spec.dtype.name} [{', '.join(sizes)}]"


def _longest(rows: Any) -> int:
    if not isinstance(rows, list):
        return 0
    return max((len(row) for row in rows if isinstance(row, list)), default=0)
