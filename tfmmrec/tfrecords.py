"""Shards of tf.train.Example, in and out. Nothing else knows that format."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow as tf

Values = list[bytes] | list[float] | np.ndarray


class ShardWriter:
    """Writes Examples to `folder/part-00000.tfrecord` and on, a new shard past a size.

    Args:
        folder: made if need be.
        shard_bytes: a shard is closed once it holds so many bytes (default 128 MB).
        first_shard: the number of the first shard (default 0), to go on behind others.
    """

    def __init__(self, folder: Path, *, shard_bytes: int = 128_000_000, first_shard: int = 0):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.shard_bytes = shard_bytes
        self.num_shards = first_shard
        self.num_examples = 0
        self._writer: tf.io.TFRecordWriter | None = None
        self._bytes = 0

    def write(self, features: Mapping[str, Values]) -> None:
        """Writes one Example."""
        data = encode_example(features)
        if self._writer is None or self._bytes >= self.shard_bytes:
            self._open_next()
        self._writer.write(data)  # type: ignore[union-attr]
        self._bytes += len(data)
        self.num_examples += 1

    def _open_next(self) -> None:
        self.close()
        path = self.folder / f"part-{self.num_shards:05d}.tfrecord"
        self._writer = tf.io.TFRecordWriter(str(path))
        self.num_shards += 1
        self._bytes = 0

    def close(self) -> None:
        """Closes the shard at hand."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def encode_example(features: Mapping[str, Values]) -> bytes:
    """Serialises one Example: bytes, float32 or int64 lists, by what the values are."""
    encoded = {}
    for name, values in features.items():
        if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
            encoded[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        elif len(values) and isinstance(values[0], bytes):
            encoded[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        else:
            encoded[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
    # Deterministic: the same rows give the same bytes.
    example = tf.train.Example(features=tf.train.Features(feature=encoded))
    return example.SerializeToString(deterministic=True)


def read_batches(folder: Path, features: Mapping[str, Any], batch_size: int) -> tf.data.Dataset:
    """Reads Examples in the order in which they were written, parsed a batch at a time.

    Args:
        folder: the folder of shards; without any, the dataset is empty.
        features: what to parse, as `tf.io.parse_example` takes it.
        batch_size: rows a batch.
    """
    shards = [str(path) for path in sorted(folder.glob("*.tfrecord"))]
    records = (
        tf.data.TFRecordDataset(shards)
        if shards
        else tf.data.Dataset.from_tensor_slices([""]).take(0)
    )
    return (
        records.batch(batch_size)
        .map(lambda batch: tf.io.parse_example(batch, dict(features)), tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )
