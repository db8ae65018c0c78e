"""The loop that runs an encoder over what has not been encoded yet."""

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

_BATCH = 32
# While one batch is decoded, another is in the network.
_WORKERS = 2
_AHEAD = 4

Encode = Callable[[Any], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Values:
    """What was met on the way through one feature.

    Attributes:
        present: bool `[rows]`.
        keys: the hashes of the present rows' values.
        num_encoded: how many were not in the store, and are now.
    """

    present: np.ndarray
    keys: list[bytes]
    num_encoded: int


class BrokenRow(Exception):
    """An encoder failed on one row.

    Args:
        row: its number.
        reason: what the encoder said, in one line.
    """

    def __init__(self, row: int, reason: str):
        super().__init__(row, reason)
        self.row = row
        self.reason = reason


def encode_missing(
    chunks: Iterable[Any], modality: Modality, encode: Encode, store: ValueStore, bar: Any
) -> Values:
    """Encodes the values that a store does not hold, equal ones once.

    Args:
        chunks: batches of stored values.
        modality: theirs.
        encode: the encoder's function, from `encoding_function`.
        store: gets the outputs; what was encoded before something fails is kept.
        bar: a progress bar over the rows, whose rate does not count what was found.

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
    """Rows of a chunk of values that begins at row `start`, and their hashes."""

    values: Any
    start: int
    rows: np.ndarray
    keys: list[bytes]


class _Missing:
    """Goes through chunks of values, gives batches to encode, and notes what it met."""

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
            rows, hashes = self._meet(values)
            for first in range(0, len(rows), _BATCH):
                chosen = rows[first : first + _BATCH]
                yield _Batch(values, start, chosen, [hashes[row] for row in chosen])
            start += len(hashes)

    def _meet(self, values: Any) -> tuple[np.ndarray, list[bytes]]:
        """Returns the rows of a chunk that are to be encoded, and the hashes of all."""
        here = self.modality.present(values).numpy()
        hashes = hash_values(values)
        missing = {
            hashes[row]: row
            for row in np.flatnonzero(here)
            if hashes[row] not in self.store and hashes[row] not in self.queued
        }
        self.present.append(here)
        self.keys += [hashes[row] for row in np.flatnonzero(here)]
        self.queued.update(missing)
        if not self.bar.disable:
            # Before the update, so that what was found does not count for the rate.
            self.bar.initial += len(here) - len(missing)
            self.bar.update(len(here) - len(missing))
        return _by_size(values, np.array(list(missing.values()), np.int64)), hashes


def encoding_function(encoder: FeatureEncoder, modality: Modality) -> Encode:
    """Makes a graph of an encoder for batches of any size, so that it is traced once."""
    parsing = modality.parsing()
    if isinstance(parsing, tf.io.RaggedFeature):
        spec: Any = tf.RaggedTensorSpec([None, None], parsing.dtype, 1, parsing.row_splits_dtype)
    else:
        spec = tf.TensorSpec([None, *parsing.shape], parsing.dtype)
    return tf.function(encoder.encode, input_signature=[spec])


def absent_output(encode: Encode, modality: Modality) -> np.ndarray:
    """Learns the shape and type of a row's output from what an absent value gives."""
    parsing = modality.parsing()
    if isinstance(parsing, tf.io.RaggedFeature):
        nothing: Any = tf.RaggedTensor.from_row_lengths(
            tf.zeros([0], parsing.dtype), tf.zeros([1], parsing.row_splits_dtype)
        )
    else:
        nothing = tf.zeros([1, *parsing.shape], parsing.dtype)  # of strings, ""
    return encode(nothing).numpy()


def _by_size(values: Any, rows: np.ndarray) -> np.ndarray:
    """Sorts rows by the bytes of their values: texts of like length share a batch's padding."""
    if isinstance(values, tf.Tensor) and values.dtype == tf.string:
        sizes = tf.strings.length(values).numpy()[rows]
        return rows[np.argsort(sizes, kind="stable")]
    return rows


def _encode(modality: Modality, encode: Encode, batch: _Batch) -> np.ndarray:
    try:
        values = tf.gather(batch.values, batch.rows)
        if values.dtype == tf.string:
            values = modality.servable_values(values)
        return encode(values).numpy()
    except tf.errors.InvalidArgumentError as error:
        if len(batch.rows) == 1:
            reason = one_line(error)
            raise BrokenRow(batch.start + int(batch.rows[0]), reason) from None
        # One by one: the row that it fails on is named, and the outputs of none depend on others.
        alone = [dataclasses.replace(batch, rows=batch.rows[[n]]) for n in range(len(batch.rows))]
        outputs = [_encode(modality, encode, row) for row in alone]
        longest = max(output.shape[1] for output in outputs)
        return np.concatenate([resized(output, longest) for output in outputs])
