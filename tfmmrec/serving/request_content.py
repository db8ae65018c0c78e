"""Packs the texts, pictures and sounds of a request like those of a table, before the graph.

The graph of an export reads PNG, JPEG, GIF and 16-bit PCM WAV. The code that packs items reads
more formats, turns pictures upright and runs the preprocessing steps of the features, as
`tfmmrec search` does with its query, so that both give the same answer.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities import Modality, search_options
from tfmmrec.modalities.codecs.file_kinds import PICTURE, SOUND, kind_of
from tfmmrec.modalities.media_file import Media
from tfmmrec.serving.input_facts import InputFacts
from tfmmrec.serving.rest_json import PredictRequest
from tfmmrec.serving.rest_values import BadRequest

# What the graph reads, by medium.
_GRAPH_READS = {PICTURE: ("PNG", "JPEG", "GIF", "BMP"), SOUND: ("WAV",)}


def pack_content(request: PredictRequest, facts: Mapping[str, InputFacts]) -> dict[str, np.ndarray]:
    """Packs the values of text, image and audio features of a request.

    Args:
        request: a decoded request.
        facts: the modality of each input.

    Returns:
        The inputs as the graph reads them. A feature that a preprocessing step derives is computed
        for the rows where it is absent.

    Raises:
        BadRequest: a value cannot be decoded; the message names the input, the row and the reason.
    """
    inputs = dict(request.inputs)
    by_feature = {own.feature: name for name, own in facts.items() if own.feature is not None}
    for name, own in facts.items():
        modality = own.modality
        if modality is None or (modality.element or modality).kind not in search_options():
            continue
        packed = _pack_column(name, inputs[name], modality)
        inputs[name] = _column([row.get("", []) for row in packed], modality, inputs[name])
        for suffix, derived in modality.derived().items():
            target = by_feature.get(f"{own.feature}_{suffix}")
            if target is not None:
                rows = [row.get(suffix, []) for row in packed]
                computed = _column(rows, derived, inputs[target])
                inputs[target] = _where_absent(inputs[target], computed)
    return inputs


def graph_cannot_read(inputs: Mapping[str, np.ndarray]) -> str:
    """Names the files among the inputs that the graph does not read; empty if there are none."""
    for name, values in inputs.items():
        for value in values.ravel() if values.dtype == object else ():
            kind = kind_of(value)
            readable = _GRAPH_READS.get(kind.medium) if kind is not None else None
            if kind is not None and readable and kind.name not in readable:
                return f"; {name} is {kind.name}; the model reads {', '.join(readable)}"
    return ""


def _pack_column(name: str, values: np.ndarray, modality: Modality) -> list[dict[str, list[Any]]]:
    """Packs the values of each row, `[batch]` or `[batch, n]`."""
    one = modality.element or modality
    rows = []
    for number, row in enumerate(values.reshape([len(values), -1])):
        packed: dict[str, list[Any]] = {}
        for value in [value for value in row if value][: modality.num_values]:
            try:
                found = _pack(value, one)
            except BrokenValue as error:
                reason = " ".join(str(error).split())
                raise BadRequest(f"{name}: row {number}: {reason}") from None
            for suffix, more in found.items():
                packed.setdefault(suffix, []).extend(more)
        rows.append(packed)
    return rows


def _pack(value: bytes, modality: Modality) -> dict[str, list[Any]]:
    if isinstance(modality, Media):
        return modality.preprocess([modality.check_bytes(value)])
    return modality.pack(value, Path())


def _column(rows: list[list[Any]], modality: Modality, like: np.ndarray) -> np.ndarray:
    """Puts packed values into an array of the type and number of axes of `like`."""
    is_string = like.dtype == object
    values = [[modality.servable(v) if is_string else v for v in row] for row in rows]
    if like.ndim == 1:
        width = 1
    else:
        spec = modality.signature("x").shape[1]
        width = spec or max(map(len, values), default=0)
    column = np.full([len(values), width], b"" if is_string else np.nan, like.dtype)
    for own, row in zip(column, values, strict=True):
        own[: len(row)] = row
    return column[:, 0] if like.ndim == 1 else column


def _where_absent(given: np.ndarray, computed: np.ndarray) -> np.ndarray:
    """Takes the rows of `computed` where those of `given` are absent; pads both to one width."""
    nothing = b"" if given.dtype == object else np.nan
    rows = [array.reshape([len(array), -1]) for array in (given, computed)]
    width = max(row.shape[1] for row in rows)
    own, other = (
        np.pad(row, [(0, 0), (0, width - row.shape[1])], constant_values=nothing) for row in rows
    )
    absent = (own == b"") if given.dtype == object else np.isnan(own)
    chosen = np.where(absent.all(axis=1, keepdims=True), other, own)
    return chosen[:, 0] if given.ndim == 1 else chosen
