"""Arrays in .npy files that are written and read in blocks of rows."""

import mmap
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from tfmmrec.errors import DataError


class ArrayFile:
    """Writes an array to a .npy file, one block of rows after another.

    Unlike the pages of a memory map, what is written counts as no memory of the process.

    Args:
        path: the file.
        num_rows: of all blocks together.
    """

    def __init__(self, path: Path, num_rows: int):
        self._path, self._num_rows = path, num_rows
        self._missing = num_rows
        self._file: IO[bytes] | None = None

    def write(self, block: np.ndarray) -> None:
        """Writes the next rows, `[rows, …]`; the first block determines the type and the shape.

        Raises:
            OSError: the disk is full, or the folder is not writable.
        """
        if self._file is None:
            self._file = self._path.open("wb")
            header = np.lib.format.header_data_from_array_1_0(block)
            header["shape"] = (self._num_rows, *block.shape[1:])
            np.lib.format.write_array_header_1_0(self._file, header)
        self._file.write(np.ascontiguousarray(block).data)
        self._missing -= len(block)

    def __enter__(self) -> "ArrayFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        if kind is None and self._missing:
            raise ValueError(f"{self._path}: {self._missing} of {self._num_rows} rows are missing")


class RowReader:
    """Reads rows of an array from the file that it is a memory map of.

    The rows do not become resident memory, as the pages of the map and many around them would, and
    a file that has been truncated is an error and no signal. An array in memory is read as it is.

    Args:
        array: a memory map or another array, `[rows, …]`.
    """

    def __init__(self, array: np.ndarray):
        self.dtype, self.shape = array.dtype, array.shape
        self._array: Any = array
        self._file: IO[bytes] | None = None
        if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap):
            # Open for as long as the reader is.
            self._file = open(str(array.filename), "rb", buffering=0)  # noqa: SIM115

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Returns some rows, `[*rows.shape, …]`; consecutive ones are read together.

        Args:
            rows: from 0.

        Raises:
            DataError: the file has been truncated.
        """
        if self._file is None:
            return np.take(self._array, rows, axis=0)
        found = np.empty([*rows.shape, *self.shape[1:]], self.dtype)
        flat = rows.reshape(-1)
        if not found.size:
            return found
        bytes_, size = memoryview(found.data).cast("B"), found.nbytes // flat.size
        first = np.append(0, np.flatnonzero(np.diff(flat) != 1) + 1)
        starts, ends = (size * first).tolist(), (size * np.append(first[1:], len(flat))).tolist()
        places = (self._array.offset + size * flat[first].astype(np.int64)).tolist()
        file = self._file.fileno()
        for start, end, place in zip(starts, ends, places, strict=True):
            if os.preadv(file, [bytes_[start:end]], place) != end - start:
                raise DataError(f"{self._file.name}: has been truncated; run the command again")
        return found


def release_pages(array: np.ndarray) -> None:
    """Drops the pages of a memory-mapped array from the memory of this process.

    The kernel does so by itself only when memory is short. Other arrays are left alone.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)
