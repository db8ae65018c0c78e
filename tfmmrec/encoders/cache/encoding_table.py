"""Encodings of one feature: an array with a row for every item or user, and its folder on disk."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.storage import remove_folder, shared_folder, write_json
from tfmmrec.encoders.cache.value_store import resized, storage_error


@dataclasses.dataclass(frozen=True)
class Encodings:
    """The encodings of one feature, for every item or user.

    Attributes:
        values: float32 `[rows, dim]` or `[rows, n, dim]`, or int32 `[rows, n]`; zeros where the
            feature is absent, and after the last vector of a list.
        present: bool `[rows]`, whether the row has the feature.
        num_encoded: number of distinct values that were encoded now, not read from the cache.
        seconds: duration of that encoding.
    """

    values: np.ndarray
    present: np.ndarray
    num_encoded: int = 0
    seconds: float = 0.0

    def vectors(self) -> np.ndarray:
        """The vectors of present values, float32 `[vectors, dim]`; lists are flattened."""
        vectors = np.asarray(self.values)[self.present]
        if vectors.ndim < 3:
            return vectors
        return vectors[vectors.any(axis=-1)]


def read_encodings(folder: Path, rows: int) -> Encodings | None:
    """Opens a table; returns None when there is none or it is damaged, and removes a damaged one.

    Args:
        folder: of the table.
        rows: number of rows that the table must have.
    """
    try:
        values = np.load(folder / "encodings.npy", mmap_mode="r")
        present = np.load(folder / "present.npy")
        if len(values) != rows or present.shape != (rows,) or present.dtype != bool:
            raise ValueError("of another shape")
    except FileNotFoundError:
        if not folder.is_dir():
            return None
    except (ValueError, EOFError):
        pass  # truncated
    else:
        return Encodings(values, present)
    remove_folder(folder)
    return None


def write_encodings(
    folder: Path,
    present: np.ndarray,
    empty: np.ndarray,
    blocks: Iterable[tuple[Any, np.ndarray]],
    description: dict[str, Any],
) -> None:
    """Writes a table; if another process has written it meanwhile, that one stays.

    Args:
        folder: named after everything that the encodings depend on.
        present: bool `[rows]`.
        empty: an array without rows that has the shape and type of a row's encoding.
        blocks: pairs of row index and encodings; lists of vectors may be shorter than `empty`.
        description: the content of encoder.json.

    Raises:
        StorageError: the table cannot be written.
        DataError: its folder cannot be created.
    """
    try:
        with shared_folder(folder) as partial:
            path = partial / "encodings.npy"
            values = _allocate(path, (len(present), *empty.shape[1:]), empty.dtype)
            for rows, block in blocks:
                values[rows] = resized(block, values.shape[1])
            values.flush()
            np.save(partial / "present.npy", present)
            write_json(partial / "encoder.json", description)
            for written in partial.iterdir():
                with written.open("rb") as file:
                    os.fsync(file.fileno())
    except OSError as error:
        raise storage_error(folder, error) from None


def _allocate(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.memmap:
    values = np.lib.format.open_memmap(path, "w+", dtype, shape)
    # Without space on the disk, writing to the map would kill the process by a signal (SIGBUS).
    with path.open("rb+") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return values
