"""The loop that encodes the values that a value store lacks."""

import collections
import concurrent.futures
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.value_store import ValueStore, hash_values, resized
from tfmmrec.errors import one_line
from tfmmrec.modalities import Modality

BATCH = 32
# While one batch is decoded, another one goes through the network.
_WORKERS = 2
_AHEAD = 4

Encode = Callable[[Any], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Values:
    """The hashed values of one feature.

    Attributes:
        present: bool `[rows]`, whether the row has a value.
        keys: hashes of the values of present rows, in order.
        num_encoded: number of distinct values that have been added to the store.
    """

    present: np.ndarray
    keys: list[bytes]
    num_encoded: int


class BrokenRow(Exception):
    """An encoder failed on one row.

    Args:
        row: its row number.
        reason: the message of the encoder, in one line.
    """

    def __init__(self, row: int, reason: str):
        super().__init__(row, reason)
        self.row = row
        self.reason = reason


def encode_missing(
    chunks: Iterable[Any], modality: Modality, encode: Encode, store: ValueStore, bar: Any
) -> Values:
    """Encodes the values that a store lacks, equal ones once.

    Args:
        chunks: batches of stored values.
        modality: modality of the values.
        encode: the encoder's function, from `encoding_function`.
        store: receives the encodings; after a failure, it has those made before.
        bar: a progress bar over rows, whose rate does not count values found in the store.

    Raises:
        BrokenRow: the encoder failed on a row.
        StorageError: the store cannot be written.
    """
    missing = _Missing(chunks, modality, store, bar)
    running: collections.deque[tuple[_Batch, concurrent.futures.Future]] = collections.deque()

    def collect() -> None:
        batch, future = running.popleft()
        store.put(batch.keys, future.result())
        bar.update(len(batch.keys))

    with concurrent.futures.ThreadPoolExecutor(_WORKERS) as workers:
        try:
            for batch in missing:
                running.append((batch, workers.submit(_encode, modality, encode, batch)))
                if len(running) > _AHEAD:
                    collect()
            while running:
                collect()
        finally:
            for _, future in running:
                future.cancel()
            store.flush()
    present = np.concatenate([np.zeros(0, bool), *missing.present])
    return Values(present, missing.keys, len(missing.queued))


@dataclasses.dataclass(frozen=True)
class _Batch:
    """Rows to encode, of a chunk of values that begins at row `start`, and their hashes."""

    values: Any
    start: int
    rows: np.ndarray
    keys: list[bytes]


class _Missing:
    """Iterates over batches of values to encode, and records the hashes of all values."""

    def __init__(self, chunks: Iterable[Any], modality: Modality, store: ValueStore, bar: Any):
        self.chunks = chunks
        self.modality = modality
        self.store = store
        self.bar = bar
        self.present: list[np.ndarray] = []
        self.keys: list[bytes] = []
        self.queued: set[bytes] = set()

    def __iter__(self) -> Iterator[_Batch]:
        start = 0
        for values in self.chunks:
            self.store.refresh()
            rows, hashes = self._find_missing(values)
            for first in range(0, len(rows), BATCH):
                batch = rows[first : first + BATCH]
                yield _Batch(values, start, batch, [hashes[row] for row in batch])
            start += len(hashes)

    def _find_missing(self, values: Any) -> tuple[np.ndarray, list[bytes]]:
        """Returns the rows of a chunk that must be encoded, and the hashes of all its rows."""
        present = self.modality.present(values).numpy()
        hashes = hash_values(values)
        missing = {
            hashes[row]: row
            for row in np.flatnonzero(present)
            if hashes[row] not in self.store and hashes[row] not in self.queued
        }
        self.present.append(present)
        self.keys += [hashes[row] for row in np.flatnonzero(present)]
        self.queued.update(missing)
        if not self.bar.disable:
            # Set before the update, so that values found in the store do not count for the rate.
            self.bar.initial += len(present) - len(missing)
            self.bar.update(len(present) - len(missing))
        rows = np.array(list(missing.values()), np.int64)
        # Texts of similar length share a batch's padding.
        return rows[np.argsort(value_sizes(values)[rows], kind="stable")], hashes


def encoding_function(encoder: FeatureEncoder, modality: Modality) -> Encode:
    """Returns `encode` as a `tf.function` for batches of any size, so that it is traced once."""
    parsing = modality.parsing()
    if isinstance(parsing, tf.io.RaggedFeature):
        spec: Any = tf.RaggedTensorSpec([None, None], parsing.dtype, 1, parsing.row_splits_dtype)
    else:
        spec = tf.TensorSpec([None, *parsing.shape], parsing.dtype)
    return tf.function(encoder.encode, input_signature=[spec])


def absent_encoding(encode: Encode, modality: Modality) -> np.ndarray:
    """Encodes one absent value, which shows the shape and type of a row's encoding."""
    parsing = modality.parsing()
    if isinstance(parsing, tf.io.RaggedFeature):
        absent: Any = tf.RaggedTensor.from_row_lengths(
            tf.zeros([0], parsing.dtype), tf.zeros([1], parsing.row_splits_dtype)
        )
    else:
        absent = tf.zeros([1, *parsing.shape], parsing.dtype)  # "" for strings
    return encode(absent).numpy()


def value_sizes(values: Any) -> np.ndarray:
    """The size of each stored value, by which values are batched, int `[rows]`; 0 for lists."""
    if isinstance(values, tf.Tensor) and values.dtype == tf.string:
        return np.asarray(tf.strings.length(values).numpy())
    return np.zeros(int(values.shape[0]), np.int32)


def encode_rows(modality: Modality, encode: Encode, values: Any, rows: np.ndarray) -> np.ndarray:
    """Encodes some rows of a batch of stored values.

    Args:
        modality: modality of the values.
        encode: the encoder's function, from `encoding_function`.
        values: stored values.
        rows: the positions of those to encode, all of which are present.

    Raises:
        BrokenRow: the encoder fails on a row, whose position it has.
    """
    try:
        gathered = tf.gather(values, rows)
        if gathered.dtype == tf.string:
            gathered = modality.servable_values(gathered)
        return encode(gathered).numpy()
    except tf.errors.InvalidArgumentError as error:
        if len(rows) == 1:
            raise BrokenRow(int(rows[0]), one_line(error)) from None
        # One by one, so that the error names the row, and a broken row costs no other its encoding.
        single = [encode_rows(modality, encode, values, rows[[n]]) for n in range(len(rows))]
        longest = max(encoding.shape[1] for encoding in single)
        return np.concatenate([resized(encoding, longest) for encoding in single])


def _encode(modality: Modality, encode: Encode, batch: _Batch) -> np.ndarray:
    try:
        return encode_rows(modality, encode, batch.values, batch.rows)
    except BrokenRow as error:
        raise BrokenRow(batch.start + error.row, error.reason) from None
