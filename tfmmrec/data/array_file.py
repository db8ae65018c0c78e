"""Arrays in .npy files that are written and read in blocks of rows."""

import mmap
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np


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


def release_pages(array: np.ndarray) -> None:
    """Drops the pages of a memory-mapped array from the memory of this process.

    The kernel does so by itself only when memory is short. Other arrays are left alone.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)
