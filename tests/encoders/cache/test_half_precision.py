"""Which encodings are stored in float16: those that it represents."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tfmmrec.encoders.cache.encoding_table import read_encodings, write_encodings
from tfmmrec.encoders.cache.half_precision import HalfPrecision
from tfmmrec.errors import StorageError

RANDOM = np.random.default_rng(0).normal(size=[40, 16]).astype(np.float32)
CASES = {
    "those of a network": (RANDOM, True),
    # A mean of ten deviations: errors of 10 · 0.0003 deviations.
    "a large common component": (RANDOM + 10.0, True),
    # Between 8,192 and 16,384 float16 has every eighth number.
    "prices of 10,000 and a few": (RANDOM + 10_000.0, False),
    "one Unix time": (np.where(np.arange(16) == 3, 1.7e9 + RANDOM, RANDOM), False),
    "too large": (RANDOM * 1e5, False),
    "not finite": (np.where(np.arange(16) == 3, np.inf, RANDOM), False),
    # The smallest float16 is 6e-8.
    "tiny": (RANDOM * 1e-8, False),
    "constants beside others": (np.where(np.arange(16) < 8, 0.1, RANDOM), True),
    "zeros": (np.zeros([4, 16], np.float32), True),
}


@pytest.mark.parametrize("name", CASES)
def test_float16_is_enough(name):
    values, expected = CASES[name]
    precision = HalfPrecision(16)
    for block in np.split(values.astype(np.float32), 4):
        precision.add(block)
        # Missing values do not count as a wide spread.
        precision.add(np.zeros_like(block))
    assert precision.is_enough() == expected


@pytest.mark.parametrize("name", CASES)
def test_a_table_is_float16_or_has_the_values_as_they_are(tmp_path, name):
    values, is_half = CASES[name]
    values = values.astype(np.float32)
    present = np.arange(len(values)) > 0

    def blocks():
        return ((rows, values[rows]) for rows in (slice(1, 3), slice(3, len(values))))

    write_encodings(tmp_path / "table", present, values[:0], blocks, {})
    table = read_encodings(tmp_path / "table", len(values))
    assert table.values.dtype == (np.float16 if is_half else np.float32)
    assert not table.values[0].any()
    if is_half:
        np.testing.assert_allclose(table.values[1:], values[1:], rtol=1e-3)
    else:
        np.testing.assert_array_equal(table.values[1:], values[1:])
    assert {block.dtype for block in table.blocks()} == {np.dtype(np.float32)}


def test_narrow_encodings_and_categories_stay_as_they_are(tmp_path):
    for name, values in {
        "narrow": RANDOM[:, :15],
        "categories": np.ones([3, 20], np.int32),
    }.items():
        rows = np.ones(len(values), bool)
        write_encodings(tmp_path / name, rows, values[:0], lambda v=values: [(slice(None), v)], {})
        found = read_encodings(tmp_path / name, len(values)).values
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values)


def test_a_small_disk_and_then_a_larger_one(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs rights that this user has not")
    # In float16 320 kB, and in float32 twice as much.
    values = np.tile(RANDOM, (250, 1))
    present = np.ones(len(values), bool)

    def write() -> None:
        write_encodings(disk / "table", present, values[:0], lambda: [(slice(None), values)], {})

    try:
        with pytest.raises(StorageError, match=r"table: cannot be written: No space .* resumes"):
            write()
        assert list(disk.iterdir()) == []
        subprocess.run(["mount", "-o", "remount,size=2m", str(disk)], check=True)
        write()
        found = read_encodings(disk / "table", len(values)).values
        np.testing.assert_array_equal(found, values.astype(np.float16))
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
