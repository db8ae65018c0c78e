"""Arrays that are written in blocks of rows."""

from pathlib import Path

import numpy as np
import pytest

from tfmmrec.data.array_file import ArrayFile, release_pages


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
