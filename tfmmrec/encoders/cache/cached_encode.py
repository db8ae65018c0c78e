"""The encoding cache: each distinct value goes through its encoder once.

A feature of a data folder has a table of encodings, keyed by everything it depends on; a run that
changes nothing opens the table and reads no values. To make a table, each value is looked up in
the value store of its encoder, and only values that are not in it are encoded. Encoders that are
no networks have no value store, since encoding again costs less than looking up. Their tables are
cached too, because reading one number from the records means skipping the media stored beside it.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.plain_names import plain_name
from tfmmrec.data.progress import rows_bar
from tfmmrec.data.storage import fingerprint
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.encode_loop import (
    BrokenRow,
    Encode,
    Values,
    absent_encoding,
    encode_missing,
    encoding_function,
)
from tfmmrec.encoders.cache.encoding_table import (
    Block,
    Encodings,
    read_encodings,
    write_encodings,
)
from tfmmrec.encoders.cache.value_store import DamagedPart, ValueStore, resized
from tfmmrec.errors import DataError, StorageError
from tfmmrec.modalities import Modality

# Raised when tables get another format, so that those written before are not read.
_TABLE_FORMAT = 2
_CHUNK = 2048
_ATTEMPTS = 3


def encode_feature(
    dataset: Dataset,
    entity: EntityName,
    feature: str,
    encoder: FeatureEncoder,
    *,
    quiet: bool = False,
) -> Encodings:
    """Encodes one feature of all items or users, or reads its encodings from the cache.

    If it is stopped, the next call continues from the values encoded until some seconds earlier.

    Args:
        dataset: the data folder, which names the folder of the cache.
        entity: `items` or `users`.
        feature: the feature.
        encoder: its encoder; the cache is keyed by its fingerprint.
        quiet: whether to show no progress bar.

    Raises:
        DataError: the encoder fails on a value.
        StorageError: the cache cannot be written.
    """
    start = time.monotonic()
    source = _Source(dataset, entity, feature, encoder)
    cached = read_cached(dataset, entity, feature, encoder.fingerprint)
    if cached is not None:
        return cached
    folder = dataset.cache / cache_key(dataset, entity, feature, encoder.fingerprint)
    if encoder.base is not None:
        base = encode_feature(dataset, entity, feature, encoder.base, quiet=quiet)
        num_encoded = _write_from_base(base, source, folder)
    elif encoder.is_network:
        num_encoded = _write_from_store(source, folder, quiet)
    else:
        num_encoded = _write_from_records(source, folder)
    written = read_encodings(folder, dataset.count(entity))
    if written is None:
        raise _unreadable(folder)
    return dataclasses.replace(written, num_encoded=num_encoded, seconds=time.monotonic() - start)


def read_cached(
    dataset: Dataset, entity: EntityName, feature: str, encoder: str
) -> Encodings | None:
    """Reads the encodings of a feature from the cache, without its encoder; None if not there.

    Args:
        dataset: the data folder, which names the folder of the cache.
        entity: `items` or `users`.
        feature: the feature.
        encoder: the fingerprint of its encoder.
    """
    folder = dataset.cache / cache_key(dataset, entity, feature, encoder)
    return read_encodings(folder, dataset.count(entity))


def cache_key(dataset: Dataset, entity: EntityName, feature: str, encoder: str) -> str:
    """Returns the name of a table: a hash of encoder, declaration and packed values."""
    content = [
        _TABLE_FORMAT,
        encoder,
        feature,
        dataset.features(entity)[feature].options(),
        dataset.entity_checksums(entity),
    ]
    return f"{entity}.{plain_name(feature)}.{fingerprint(content)[:24]}"


@dataclasses.dataclass(frozen=True)
class _Source:
    """A feature of a data folder and its encoder."""

    dataset: Dataset
    entity: EntityName
    feature: str
    encoder: FeatureEncoder

    @property
    def modality(self) -> Modality:
        return self.dataset.features(self.entity)[self.feature]

    def chunks(self) -> Any:
        """Streams the feature's values."""
        size = rows_per_chunk(self.dataset, self.entity)
        return self.dataset.values(self.entity, self.feature, size)

    def describe(self) -> dict[str, Any]:
        return {"feature": self.feature, **self.encoder.describe()}


def _write_from_store(source: _Source, folder: Path, quiet: bool) -> int:
    """Encodes the values that the value store lacks, then writes a table; returns their number."""
    modality, num_encoded = source.modality, 0
    encode = encoding_function(source.encoder, modality)
    store = ValueStore(source.dataset.cache / store_key(source.encoder, modality))
    for _ in range(_ATTEMPTS):
        values = _encode_missing(source, encode, store, quiet)
        num_encoded += values.num_encoded
        keys, rows = values.keys, np.flatnonzero(values.present)

        def by_row(keys: Sequence[bytes] = keys, rows: np.ndarray = rows) -> Iterator[Block]:
            for positions, encodings in store.read(keys):
                yield rows[positions], encodings

        try:
            one = next((one for _, one in store.read(keys[:1])), None)
            if one is None:
                one = absent_encoding(encode, modality)
            if one.ndim == 3:
                one = resized(one, max(1, store.longest(keys)))
            write_encodings(folder, values.present, one[:0], by_row, source.describe())
        except DamagedPart:
            continue  # its values are encoded again
        return num_encoded
    raise _unreadable(store.folder)


def _encode_missing(source: _Source, encode: Encode, store: ValueStore, quiet: bool) -> Values:
    count = source.dataset.count(source.entity)
    with rows_bar(f"encode {source.feature}", count, quiet=quiet) as bar:
        try:
            return encode_missing(source.chunks(), source.modality, encode, store, bar)
        except BrokenRow as error:
            raise broken_value(source.dataset, source.entity, source.feature, error) from None


def broken_value(dataset: Dataset, entity: EntityName, feature: str, error: BrokenRow) -> DataError:
    """Returns the error of a value on which an encoder fails, with the id of its row."""
    identity = (dataset.item_ids if entity == "items" else dataset.user_ids)[error.row]
    return DataError(
        f"{dataset.folder}: {entity} {identity!r}: the encoder of {feature} fails on its value: "
        f"{error.reason}"
    )


def rows_per_chunk(dataset: Dataset, entity: EntityName) -> int:
    """Returns the number of rows among whose values batches are formed."""
    return dataset.rows_per_chunk(entity, _CHUNK)


def store_key(encoder: FeatureEncoder, modality: Modality) -> str:
    """Returns the name of a value store: a hash of the encoder and of the form of its values."""
    return f"values/{modality.kind}.{fingerprint([encoder.fingerprint, modality.kind])[:24]}"


def _write_from_base(base: Encodings, source: _Source, folder: Path) -> int:
    """Writes a table computed from the encodings of the base encoder."""

    def block(start: int) -> Block:
        rows = slice(start, start + _CHUNK)
        encoded = source.encoder.encode_from_base(np.asarray(base.values[rows], np.float32))
        encodings = encoded.numpy()
        encodings[~base.present[rows]] = 0.0
        return rows, encodings

    def blocks() -> Iterator[Block]:
        return map(block, range(0, len(base.present), _CHUNK))

    _, first = block(0)
    write_encodings(folder, base.present, first[:0], blocks, source.describe())
    return base.num_encoded


def _write_from_records(source: _Source, folder: Path) -> int:
    """Writes a table of all values, encoded without a value store."""
    modality, encode = source.modality, source.encoder.encode
    present = np.zeros(source.dataset.count(source.entity), bool)

    def blocks() -> Iterator[Block]:
        start = 0
        for values in source.chunks():
            mask, encodings = modality.present(values).numpy(), encode(values).numpy()
            encodings[~mask] = 0
            rows = slice(start, start + len(mask))
            present[rows] = mask
            yield rows, encodings
            start = rows.stop

    empty = absent_encoding(encode, modality)[:0]
    write_encodings(folder, present, empty, blocks, source.describe())
    return int(present.sum())


def _unreadable(folder: Path) -> StorageError:
    return StorageError(f"{folder}: was written and cannot be read back; check the disk")
