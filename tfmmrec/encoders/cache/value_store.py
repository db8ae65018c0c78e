"""What an encoder gave for each value that it met, found by the value's hash."""

import errno
import hashlib
import itertools
import os
import time
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmmrec.errors import StorageError

_HASH_BYTES = 16
_PART_BYTES = 32_000_000
_PART_SECONDS = 5.0
# What a part raises that was cut off or changed: it is a zip archive, with checksums.
_DAMAGE = (zipfile.BadZipFile, ValueError, KeyError, EOFError)


class DamagedPart(Exception):
    """A part was damaged and is gone: what it held is to be encoded again."""


class ValueStore:
    """The outputs of one encoder, in parts that appear whole and are never changed.

    A part is an npz file of `keys` (the values' hashes), `outputs` and, of lists of vectors,
    `lengths`. Its name is its own, so that processes may write at the same time; what two of them
    encode at once is stored twice.

    Args:
        folder: made with the first part.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._places: dict[bytes, tuple[Path, int]] = {}
        self._lengths: dict[Path, np.ndarray] = {}
        self._pending: list[tuple[Sequence[bytes], np.ndarray]] = []
        self._written = time.monotonic()
        self.refresh()

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def refresh(self) -> None:
        """Takes in the parts that were written since, by this process or another."""
        for path in sorted(self.folder.glob("*.npz")):
            if path not in self._lengths:
                try:
                    with np.load(path) as part:
                        self._register(path, part["keys"], part["lengths"])
                except FileNotFoundError:
                    continue  # another process found it damaged
                except _DAMAGE:
                    self._remove(path)

    def put(self, keys: Sequence[bytes], outputs: np.ndarray) -> None:
        """Keeps outputs, and writes a part now and then.

        Args:
            keys: the hash of each value.
            outputs: `[values, dim]`, or `[values, n, dim]` with zeros behind, n as it comes.

        Raises:
            StorageError: the part cannot be written.
        """
        self._pending.append((keys, outputs))
        size = sum(outputs.nbytes for _, outputs in self._pending)
        if size >= _PART_BYTES or time.monotonic() - self._written >= _PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Writes what is pending.

        Raises:
            StorageError: the part cannot be written.
        """
        pending, self._pending = self._pending, []
        self._written = time.monotonic()
        if not pending:
            return
        lengths = np.concatenate([_lengths(outputs) for _, outputs in pending])
        longest = max(1, int(lengths.max()))
        outputs = np.concatenate([resized(outputs, longest) for _, outputs in pending])
        keys = np.frombuffer(b"".join(key for keys, _ in pending for key in keys), np.uint8)
        keys = keys.reshape([-1, _HASH_BYTES])
        self._register(self._write(keys, lengths, outputs), keys, lengths)

    def read(self, keys: Sequence[bytes]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Reads outputs, each part once.

        Args:
            keys: hashes, equal ones among them; every one is in the store.

        Yields:
            Places in `keys`, and the outputs of these.

        Raises:
            DamagedPart: a part cannot be read; it is no longer in the store.
        """
        by_part: dict[Path, tuple[list[int], list[int]]] = {}
        for place, key in enumerate(keys):
            path, row = self._places[key]
            places, rows = by_part.setdefault(path, ([], []))
            places.append(place)
            rows.append(row)
        for path, (places, rows) in by_part.items():
            try:
                with np.load(path) as part:
                    outputs = part["outputs"]
            except (*_DAMAGE, FileNotFoundError):
                self._remove(path)
                raise DamagedPart from None
            yield np.array(places), outputs[rows]

    def longest(self, keys: Sequence[bytes]) -> int:
        """Returns how many vectors the longest list among some values has."""
        places = (self._places[key] for key in keys)
        return max((int(self._lengths[path][row]) for path, row in places), default=0)

    def _register(self, path: Path, keys: np.ndarray, lengths: np.ndarray) -> None:
        self._lengths[path] = lengths
        self._places.update((key.tobytes(), (path, row)) for row, key in enumerate(keys))

    def _write(self, keys: np.ndarray, lengths: np.ndarray, outputs: np.ndarray) -> Path:
        path = self.folder / f"{uuid.uuid4().hex}.npz"
        partial = path.with_suffix(".partial")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.savez(file, keys=keys, lengths=lengths, outputs=outputs)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise storage_error(path, error) from None
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return path

    def _remove(self, path: Path) -> None:
        self._lengths.pop(path, None)
        self._places = {key: place for key, place in self._places.items() if place[0] != path}
        path.unlink(missing_ok=True)


def storage_error(path: Path, error: OSError) -> StorageError:
    """Says in one line why the cache cannot be written, and that nothing is lost."""
    reason = error.strerror or os.strerror(errno.EIO)
    return StorageError(
        f"{path}: cannot be written: {reason}; mend that, or name another folder by "
        "TFMMREC_CACHE_DIR, and run the command again: it goes on"
    )


def hash_values(values: tf.Tensor | tf.RaggedTensor) -> list[bytes]:
    """Hashes each row of a batch of stored values, a list as a whole."""
    if isinstance(values, tf.RaggedTensor):
        flat, splits = values.flat_values.numpy(), values.row_splits.numpy()
        rows = [flat[first:last] for first, last in itertools.pairwise(splits)]
        if flat.dtype == object:
            # With their lengths, so that ["ab"] and ["a", "b"] differ.
            rows = [b"".join(b"%d:%b" % (len(value), value) for value in row) for row in rows]
        return [_hash(row) for row in rows]
    return [_hash(row) for row in values.numpy()]


def _hash(value: bytes | np.ndarray) -> bytes:
    data = value if isinstance(value, bytes) else value.tobytes()
    return hashlib.sha256(data).digest()[:_HASH_BYTES]


def resized(outputs: np.ndarray, length: int) -> np.ndarray:
    """Cuts or pads lists of vectors, `[values, n, dim]`, to a length; leaves others alone."""
    if outputs.ndim < 3:
        return outputs
    outputs = outputs[:, :length]
    return np.pad(outputs, [(0, 0), (0, length - outputs.shape[1]), (0, 0)])


def _lengths(outputs: np.ndarray) -> np.ndarray:
    """Counts the vectors of each value up to its last that is not zero; 0 where there is one."""
    if outputs.ndim < 3:
        return np.zeros(len(outputs), np.int32)
    there = outputs.any(axis=2)  # [values, n]
    return np.max(there * np.arange(1, there.shape[1] + 1), axis=1, initial=0).astype(np.int32)
