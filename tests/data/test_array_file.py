"""Arrays that are written in blocks of rows."""

import os
from pathlib import Path

import numpy as np
import pytest

from tfmmrec.data.array_file import ArrayFile, RowReader, release_pages
from tfmmrec.errors import DataError


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32, bool])
def test_blocks_are_one_array(tmp_path: Path, dtype):
    values = (np.arange(15).reshape(5, 3) % 4).astype(dtype)
    with ArrayFile(tmp_path / "a.npy", 5) as file:
        file.write(values[:2])
        file.write(values[2:2])
        file.write(values[:, ::-1][2:, ::-1])
    found = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)
    # Released pages are read again.
    release_pages(found[1:])
    np.testing.assert_array_equal(found, values)
    release_pages(values)


def test_missing_rows_are_an_error(tmp_path: Path):
    with (
        pytest.raises(ValueError, match=r"a\.npy: 3 of 5 rows are missing"),
        ArrayFile(tmp_path / "a.npy", 5) as file,
    ):
        file.write(np.zeros([2, 3]))


@pytest.mark.parametrize("shape", [(7,), (7, 3), (7, 2, 2)])
def test_rows_are_read_from_the_file_in_any_order(tmp_path: Path, shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float16)
    np.save(tmp_path / "a.npy", values)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    # A part of a map has another offset, and is read as an array.
    for reader, expected in (
        (RowReader(mapped), values),
        (RowReader(mapped[2:]), values[2:]),
        (RowReader(values), values),
    ):
        for rows in ([0], [4, 0, 1, 2, 2, 3], [[1, 2], [3, 0]], 3, []):
            given = np.array(rows, np.int32)
            np.testing.assert_array_equal(reader.take(given), expected[given])
            assert reader.take(given).dtype == np.float16


def test_a_truncated_file_is_named(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.arange(8.0))
    reader = RowReader(np.load(tmp_path / "a.npy", mmap_mode="r"))
    os.truncate(tmp_path / "a.npy", (tmp_path / "a.npy").stat().st_size - 4)
    assert reader.take(np.array([6])).tolist() == [6.0]
    with pytest.raises(DataError, match=r"a\.npy: has been truncated"):
        reader.take(np.array([6, 7]))
