"""Encode once: a table of outputs for each feature, made of what its values gave before.

A table stands under a key of all that it depends on, so that a run that changes nothing opens it
and looks at no value. To make one, values are looked up one by one in the store of their encoder,
and only those that it has never met go through the network. Encoders that are no networks have no
store: to compute their outputs again costs less than to look them up. Their tables are kept all
the same, for to read a number back from the records is to read past the media beside it.
"""

import dataclasses
import hashlib
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.progress import rows_bar
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.encode_loop import (
    BrokenRow,
    Encode,
    Values,
    absent_output,
    encode_missing,
    encoding_function,
)
from tfmmrec.encoders.cache.output_table import Encoded, read_table, write_table
from tfmmrec.encoders.cache.value_store import DamagedPart, ValueStore, resized
from tfmmrec.errors import DataError, StorageError
from tfmmrec.modalities import Modality

_CHUNK = 2048
_ATTEMPTS = 3


def encode_feature(
    dataset: Dataset,
    side: EntityName,
    feature: str,
    encoder: FeatureEncoder,
    *,
    quiet: bool = False,
) -> Encoded:
    """Encodes one feature of one side, or reads what an equal encoder gave before.

    After a stop, it goes on behind what was encoded until some seconds before.

    Raises:
        DataError: the encoder fails on a value.
        StorageError: the cache cannot be written.
    """
    begin = time.monotonic()
    source = _Source(dataset, side, feature, encoder)
    folder = dataset.cache / cache_key(dataset, side, feature, encoder)
    found = read_table(folder, dataset.count(side))
    if found is not None:
        return found
    if encoder.base is not None:
        below = encode_feature(dataset, side, feature, encoder.base, quiet=quiet)
        num_encoded = _write_upon(below, source, folder)
    elif encoder.is_network:
        num_encoded = _write_by_value(source, folder, quiet)
    else:
        num_encoded = _write_afresh(source, folder)
    written = read_table(folder, dataset.count(side))
    if written is None:
        raise _unreadable(folder)
    return dataclasses.replace(written, num_encoded=num_encoded, seconds=time.monotonic() - begin)


def cache_key(dataset: Dataset, side: EntityName, feature: str, encoder: FeatureEncoder) -> str:
    """Names a table by the encoder, the feature's declaration and the packed values."""
    content = [
        encoder.fingerprint,
        feature,
        dataset.features(side)[feature].options(),
        dataset.side_checksum(side),
    ]
    return f"{side}.{feature}.{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]}"


@dataclasses.dataclass(frozen=True)
class _Source:
    """A feature and the encoder that reads it."""

    dataset: Dataset
    side: EntityName
    feature: str
    encoder: FeatureEncoder

    @property
    def modality(self) -> Modality:
        return self.dataset.features(self.side)[self.feature]

    def chunks(self) -> Any:
        """Streams the feature's values."""
        size = self.dataset.rows_at_a_time(self.side, _CHUNK)
        return self.dataset.values(self.side, self.feature, size)

    def about(self) -> dict[str, Any]:
        return {"feature": self.feature, **self.encoder.describe()}


def _write_by_value(source: _Source, folder: Path, quiet: bool) -> int:
    """Writes a table from the store, to which it adds what is missing; returns how much that is."""
    modality, num_encoded = source.modality, 0
    encode = encoding_function(source.encoder, modality)
    store = ValueStore(source.dataset.cache / _store_key(source.encoder, modality))
    for _ in range(_ATTEMPTS):
        values = _encode_missing(source, encode, store, quiet)
        num_encoded += values.num_encoded
        rows = np.flatnonzero(values.present)
        try:
            blocks = store.read(values.keys)
            first = next(blocks, None)
            one = absent_output(encode, modality) if first is None else first[1]
            if one.ndim == 3:
                one = resized(one, max(1, store.longest(values.keys)))
            everything = itertools.chain([] if first is None else [first], blocks)
            placed = ((rows[places], outputs) for places, outputs in everything)
            write_table(folder, values.present, one[:0], placed, source.about())
        except DamagedPart:
            continue  # what it held is encoded again
        return num_encoded
    raise _unreadable(store.folder)


def _encode_missing(source: _Source, encode: Encode, store: ValueStore, quiet: bool) -> Values:
    count = source.dataset.count(source.side)
    with rows_bar(f"encode {source.feature}", count, quiet=quiet) as bar:
        try:
            return encode_missing(source.chunks(), source.modality, encode, store, bar)
        except BrokenRow as error:
            dataset, side = source.dataset, source.side
            identity = (dataset.item_ids if side == "items" else dataset.user_ids)[error.row]
            raise DataError(
                f"{dataset.folder}: {side} {identity!r}: the encoder of {source.feature} fails on "
                f"its value: {error.reason}"
            ) from None


def _store_key(encoder: FeatureEncoder, modality: Modality) -> str:
    """Names a store by the encoder, and by how its modality hands it the packed values."""
    content = json.dumps([encoder.fingerprint, modality.kind])
    return f"values/{modality.kind}.{hashlib.sha256(content.encode()).hexdigest()[:24]}"


def _write_upon(below: Encoded, source: _Source, folder: Path) -> int:
    """Writes a table of what an encoder makes of another one's outputs."""

    def block(start: int) -> tuple[slice, np.ndarray]:
        rows = slice(start, start + _CHUNK)
        outputs = source.encoder.encode_outputs(below.outputs[rows]).numpy()
        outputs[~below.present[rows]] = 0.0
        return rows, outputs

    _, first = block(0)
    blocks = map(block, range(0, len(below.present), _CHUNK))
    write_table(folder, below.present, first[:0], blocks, source.about())
    return below.num_encoded


def _write_afresh(source: _Source, folder: Path) -> int:
    """Writes a table of what is encoded faster than looked up."""
    modality, encode = source.modality, source.encoder.encode
    present, outputs = [np.zeros(0, bool)], [absent_output(encode, modality)[:0]]
    for values in source.chunks():
        present.append(modality.present(values).numpy())
        outputs.append(encode(values).numpy())
        outputs[-1][~present[-1]] = 0
    here, table = np.concatenate(present), np.concatenate(outputs)
    write_table(folder, here, table[:0], [(slice(None), table)], source.about())
    return int(here.sum())


def _unreadable(folder: Path) -> StorageError:
    return StorageError(f"{folder}: what was written cannot be read back; check the disk")
