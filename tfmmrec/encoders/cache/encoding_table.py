"""Encodings of one feature: an array with a row for every item or user, and its folder on disk."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tfmmrec.data.array_file import release_pages
from tfmmrec.data.fixed_sample import fixed_sample
from tfmmrec.data.storage import remove_folder, shared_folder, write_json
from tfmmrec.encoders.cache.half_precision import MIN_WIDTH, HalfPrecision
from tfmmrec.encoders.cache.value_store import resized, storage_error

# Row indices and the encodings of these rows.
Block: TypeAlias = tuple[Any, np.ndarray]

_BLOCK_ROWS = 4096


@dataclasses.dataclass(frozen=True)
class Encodings:
    """The encodings of one feature, for every item or user.

    Attributes:
        values: float16 or float32 `[rows, dim]` or `[rows, n, dim]`, or int32 `[rows, n]`; zeros
            where the feature is absent, and after the last vector of a list. Those of the cache are
            a memory map.
        present: bool `[rows]`, whether the row has the feature.
        num_encoded: number of distinct values that were encoded now, not read from the cache.
        seconds: duration of that encoding.
    """

    values: np.ndarray
    present: np.ndarray
    num_encoded: int = 0
    seconds: float = 0.0

    def blocks(self) -> Iterator[np.ndarray]:
        """Yields the vectors of present values, float32 `[vectors, dim]`; lists are flattened."""
        for start in range(0, len(self.values), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            yield _vectors(np.asarray(self.values[rows])[self.present[rows]])
            release_pages(self.values)

    def sample(self, max_rows: int) -> np.ndarray:
        """The vectors of present values, or of a sample of the rows, float32 `[vectors, dim]`.

        Args:
            max_rows: of the sample, which is always the same; fewer rows are all taken.
        """
        rows = fixed_sample(np.flatnonzero(self.present), max_rows)
        return _vectors(np.asarray(self.values[rows]))


def _vectors(values: np.ndarray) -> np.ndarray:
    vectors = values if values.ndim < 3 else values[values.any(axis=-1)]
    return vectors.astype(np.float32) if vectors.dtype == np.float16 else vectors


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
    blocks: Callable[[], Iterable[Block]],
    description: dict[str, Any],
) -> None:
    """Writes a table; if another process has written it meanwhile, that one stays.

    Vectors of 16 and more components are stored in float16 if that represents them, see
    `HalfPrecision`. If it does not, the table is written again in float32.

    Args:
        folder: named after everything that the encodings depend on.
        present: bool `[rows]`, which may be filled in by `blocks`.
        empty: an array without rows that has the shape and type of a row's encoding.
        blocks: returns pairs of row index and encodings; lists of vectors may be shorter than
            `empty`.
        description: the content of encoder.json.

    Raises:
        StorageError: the table cannot be written.
        DataError: its folder cannot be created.
    """
    try:
        with shared_folder(folder) as partial:
            path, shape = partial / "encodings.npy", (len(present), *empty.shape[1:])
            fits_half = np.issubdtype(empty.dtype, np.floating) and shape[-1] >= MIN_WIDTH
            if not fits_half or not _write_half(path, shape, blocks()):
                _write_values(path, shape, empty.dtype, blocks())
            np.save(partial / "present.npy", present)
            write_json(partial / "encoder.json", description)
            for written in partial.iterdir():
                with written.open("rb") as file:
                    os.fsync(file.fileno())
    except OSError as error:
        raise storage_error(folder, error) from None


def _write_values(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, blocks: Iterable[Block]
) -> None:
    values = _allocate(path, shape, dtype)
    for rows, block in blocks:
        values[rows] = resized(block, values.shape[1])
    values.flush()


def _write_half(path: Path, shape: tuple[int, ...], blocks: Iterable[Block]) -> bool:
    """Writes encodings in float16; returns whether that represents them."""
    precision = HalfPrecision(shape[-1])

    def checked() -> Iterator[Block]:
        for rows, block in blocks:
            precision.add(block)
            yield rows, block

    with np.errstate(over="ignore"):
        _write_values(path, shape, np.dtype(np.float16), checked())
    return precision.is_enough()


def _allocate(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.memmap:
    values = np.lib.format.open_memmap(path, "w+", dtype, shape)
    # Without space on the disk, writing to the map would kill the process by a signal (SIGBUS).
    with path.open("rb+") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return values
