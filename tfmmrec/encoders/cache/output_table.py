"""The outputs of one feature, a row for every item or user, in a folder that appears whole."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.storage import remove_folder, shared_folder, write_json
from tfmmrec.encoders.cache.value_store import resized, storage_error


@dataclasses.dataclass(frozen=True)
class Encoded:
    """One feature of every item or user, encoded.

    Attributes:
        outputs: float32 `[rows, dim]` or `[rows, n, dim]`, or int32 `[rows, n]`; zeros where
            absent, and behind the vectors of a list.
        present: bool `[rows]`.
        num_encoded: how many different values were encoded for it this time.
        seconds: how long this took.
    """

    outputs: np.ndarray
    present: np.ndarray
    num_encoded: int = 0
    seconds: float = 0.0

    def vectors(self) -> np.ndarray:
        """The vectors that are there, float32 `[vectors, dim]`, each of several by itself."""
        vectors = np.asarray(self.outputs)[self.present]
        if vectors.ndim < 3:
            return vectors
        return vectors[vectors.any(axis=-1)]


def read_table(folder: Path, rows: int) -> Encoded | None:
    """Opens a table; None when there is none, or a damaged one, which is removed."""
    try:
        outputs = np.load(folder / "outputs.npy", mmap_mode="r")
        present = np.load(folder / "present.npy")
        if len(outputs) != rows or present.shape != (rows,) or present.dtype != bool:
            raise ValueError("of another shape")
    except FileNotFoundError:
        if not folder.is_dir():
            return None
    except (ValueError, EOFError):
        pass  # cut off
    else:
        return Encoded(outputs, present)
    remove_folder(folder)
    return None


def write_table(
    folder: Path,
    present: np.ndarray,
    empty: np.ndarray,
    blocks: Iterable[tuple[Any, np.ndarray]],
    about: dict[str, Any],
) -> None:
    """Writes a table; one that another process wrote meanwhile stays.

    Args:
        folder: named after all that the outputs depend on.
        present: bool `[rows]`.
        empty: an array without rows that has the shape and type of a row's output.
        blocks: rows, as an index, and their outputs; lists of vectors may be shorter.
        about: what encoder.json says.

    Raises:
        StorageError: the table cannot be written.
        DataError: its place cannot be made.
    """
    try:
        with shared_folder(folder) as partial:
            path = partial / "outputs.npy"
            outputs = _allocate(path, (len(present), *empty.shape[1:]), empty.dtype)
            for rows, block in blocks:
                outputs[rows] = resized(block, outputs.shape[1])
            outputs.flush()
            np.save(partial / "present.npy", present)
            write_json(partial / "encoder.json", about)
            for written in partial.iterdir():
                with written.open("rb") as file:
                    os.fsync(file.fileno())
    except OSError as error:
        raise storage_error(folder, error) from None


def _allocate(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.memmap:
    outputs = np.lib.format.open_memmap(path, "w+", dtype, shape)
    # Without room on the disk, writing to the map would end the process by a signal.
    with path.open("rb+") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return outputs
