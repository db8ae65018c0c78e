"""Writes and reads TFRecord shards of tf.train.Example."""

import gzip
import os
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.autotune import READY_BATCHES, without_autotune
from tfmmrec.errors import DataError, StorageError, one_line

Values = list[bytes] | list[float] | np.ndarray

# A record has its length, a checksum of it and a checksum of the bytes beside the bytes.
_FRAME = 16
SUFFIXES = {False: ".tfrecord", True: ".tfrecord.gz"}


class Shard:
    """One file of records, which gets its name when it is closed.

    Args:
        folder: created if it does not exist.
        number: number of the shard, 0 for `part-00000`.
        gzip: whether to compress it; its name then ends in .tfrecord.gz.

    Attributes:
        path: path of the file.
        num_bytes: uncompressed size of the records written so far.
    """

    def __init__(self, folder: Path, number: int, *, gzip: bool = False):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"part-{number:05d}{SUFFIXES[gzip]}"
        self.num_bytes = 0
        self._partial = self.path.with_name(self.path.name + ".partial")
        options = tf.io.TFRecordOptions(compression_type="GZIP" if gzip else "")
        try:
            self._writer = tf.io.TFRecordWriter(str(self._partial), options)
        except tf.errors.OpError as error:
            raise _storage_error(self.path, error) from None

    def write(self, record: bytes) -> None:
        """Writes one record.

        Raises:
            StorageError: the disk is full or not writable.
        """
        try:
            self._writer.write(record)
        except tf.errors.OpError as error:
            raise _storage_error(self.path, error) from None
        self.num_bytes += len(record)

    def close(self) -> None:
        """Flushes the file to the disk and gives it its name."""
        try:
            self._writer.close()
            with self._partial.open("rb") as file:
                os.fsync(file.fileno())
            self._partial.rename(self.path)
        except (tf.errors.OpError, OSError) as error:
            raise _storage_error(self.path, error) from None


def _storage_error(path: Path, error: Exception) -> StorageError:
    reason = error.message if isinstance(error, tf.errors.OpError) else str(error)
    return StorageError(f"{path}: cannot be written: {reason.split(';')[-1].strip()}")


class ShardWriter:
    """Writes Examples to `folder/part-00000.tfrecord`, `part-00001.tfrecord` and so on.

    Args:
        folder: created if it does not exist.
        shard_bytes: size at which a shard is closed (default 128 MB).
        first_shard: number of the first shard, to append to existing ones (default 0).
        gzip: whether to compress the shards (default False).
    """

    def __init__(
        self,
        folder: Path,
        *,
        shard_bytes: int = 128_000_000,
        first_shard: int = 0,
        gzip: bool = False,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.shard_bytes = shard_bytes
        self.num_shards = first_shard
        self.num_examples = 0
        self.gzip = gzip
        self._shard: Shard | None = None

    def write(self, features: Mapping[str, Values]) -> None:
        """Writes one Example."""
        if self._shard is None or self._shard.num_bytes >= self.shard_bytes:
            self.close()
            self._shard = Shard(self.folder, self.num_shards, gzip=self.gzip)
            self.num_shards += 1
        self._shard.write(encode_example(features))
        self.num_examples += 1

    def close(self) -> None:
        """Closes the current shard."""
        if self._shard is not None:
            self._shard.close()
            self._shard = None

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()


def encode_example(features: Mapping[str, Values]) -> bytes:
    """Serializes one Example with bytes, float32 or int64 lists, by the type of the values."""
    example = tf.train.Example()
    feature = example.features.feature
    for name, values in features.items():
        # Filled in place, since assigning a Feature copies it.
        if isinstance(values, np.ndarray):
            values, is_int = values.tolist(), values.dtype.kind in "iub"
        else:
            is_int = bool(values) and isinstance(values[0], int)
        if is_int:
            feature[name].int64_list.value.extend(values)
        elif values and isinstance(values[0], bytes):
            feature[name].bytes_list.value.extend(values)
        else:
            floats = feature[name].float_list
            floats.value.extend(values)
            floats.SetInParent()
    # Deterministic, so that equal rows give equal bytes.
    return example.SerializeToString(deterministic=True)


def shards(folder: Path) -> list[Path]:
    """Lists the shards of a folder in order."""
    return sorted(path for suffix in SUFFIXES.values() for path in folder.glob(f"*{suffix}"))


def compression(shard: Path) -> str:
    """Returns the compression type of a shard for `tf.data.TFRecordDataset`."""
    return "GZIP" if shard.name.endswith(SUFFIXES[True]) else ""


def read_rows(folder: Path, rows: Collection[int]) -> dict[int, bytes]:
    """Reads the records of a few rows; in shards that are not compressed, only their bytes.

    Args:
        folder: the folder of shards.
        rows: numbers of records, counted through the shards in order.

    Raises:
        DataError: there are fewer records, or a shard is truncated.
    """
    wanted, found, row = set(rows), {}, 0
    for path in shards(folder):
        if compression(path):
            for record in tf.data.TFRecordDataset(str(path), compression(path)):
                if row in wanted:
                    found[row] = record.numpy()
                row += 1
            continue
        with path.open("rb") as file:
            size = path.stat().st_size
            while len(found) < len(wanted) and file.tell() < size:
                # A record: its length, a checksum of the length, the bytes, and their checksum.
                (length,) = struct.unpack("<Q4x", file.read(12).ljust(12, b"\0"))
                if row in wanted:
                    found[row] = file.read(length)
                    file.seek(4, os.SEEK_CUR)
                else:
                    file.seek(length + 4, os.SEEK_CUR)
                row += 1
    if len(found) < len(wanted):
        raise DataError(f"{folder}: record {max(wanted - set(found))} is missing; pack it again")
    return found


def read_with_offsets(
    shard: Path, features: Mapping[str, Any], batch_size: int
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Reads the Examples of one shard, with their offsets for `read_at`.

    Args:
        shard: the file.
        features: parsing specs, as `tf.io.parse_example` takes them.
        batch_size: rows per batch.

    Yields:
        Parsed features, and the offset of each record in the uncompressed file, int64 `[batch]`.
    """
    records = tf.data.TFRecordDataset(str(shard), compression(shard)).batch(batch_size)
    batches = records.map(
        lambda batch: (tf.io.parse_example(batch, dict(features)), tf.strings.length(batch)),
        tf.data.AUTOTUNE,
    )
    start = 0
    for parsed, lengths in without_autotune(batches.prefetch(READY_BATCHES)):
        sizes = lengths.numpy().astype(np.int64) + _FRAME
        ends = start + np.cumsum(sizes)
        yield parsed, ends - sizes
        start = int(ends[-1])


def read_at(shard: Path, offsets: Sequence[int]) -> list[bytes]:
    """Reads records by their offsets; a compressed shard is decompressed up to the last of them.

    Raises:
        DataError: the shard cannot be read or ends before.
    """
    records = [b""] * len(offsets)
    open_shard: Any = gzip.open if compression(shard) else open
    try:
        with open_shard(shard, "rb") as file:
            for n in sorted(range(len(offsets)), key=lambda n: offsets[n]):
                file.seek(offsets[n])
                (length,) = struct.unpack("<Q4x", file.read(12))
                records[n] = file.read(length)
                if len(records[n]) < length:
                    raise EOFError("it is truncated")
    except (OSError, EOFError, struct.error) as error:
        raise DataError(f"{shard}: cannot be read: {one_line(error)}; pack it again") from None
    return records


def read_batches(
    folder: Path, features: Mapping[str, Any], batch_size: int, *, shuffle: int | None = None
) -> tf.data.Dataset:
    """Reads Examples in parsed batches.

    Args:
        folder: the folder of shards; without shards, the dataset is empty.
        features: parsing specs, as `tf.io.parse_example` takes them.
        batch_size: rows per batch.
        shuffle: seed of a shuffle that interleaves the shards in a new order on each pass, and
            uses a shuffle buffer; None keeps the order of writing (default None).
    """
    paths = shards(folder)
    if not paths:
        records = tf.data.Dataset.from_tensor_slices([""]).take(0)
    else:
        kind = compression(paths[0])
        files = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
        records = tf.data.TFRecordDataset(files, kind)
        if shuffle is not None:
            records = (
                files.shuffle(len(paths), seed=shuffle)
                .interleave(
                    lambda path: tf.data.TFRecordDataset(path, kind),
                    cycle_length=min(8, len(paths)),
                    num_parallel_calls=tf.data.AUTOTUNE,
                )
                .shuffle(max(1024, 4 * batch_size), seed=shuffle)
            )
    parsed = records.batch(batch_size).map(
        lambda batch: tf.io.parse_example(batch, dict(features)), tf.data.AUTOTUNE
    )
    return without_autotune(parsed.prefetch(READY_BATCHES))
