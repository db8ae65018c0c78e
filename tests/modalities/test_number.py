"""Tests of numbers: accepted and rejected values."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.modalities.contract import refused
from tfmmrec.modalities import Number
from tfmmrec.modalities.number import to_number


@pytest.mark.parametrize(
    ("raw", "number"),
    [(b" 12.5 ", 12.5), ("-1e3", -1000.0), (7, 7.0), (Decimal("0.5"), 0.5), (b"007", 7.0)],
)
def test_what_is_a_number_is_read(raw: Any, number: float):
    assert to_number(raw) == number


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"nan", "not a finite number"),
        (float("inf"), "not a finite number"),
        (b"3,5", "not a number"),
        (b"\xff", "not a number"),
        ([1], "not a number"),
        (True, "not a number: true"),
        (b"1_000", "not a number: '1_000'"),
        (b"0x10", "not a number: '0x10'"),
        (b"1e400", "not a finite number: '1e400'"),
        # float32 ends at 3.4e38: stored, they would be infinite and read as absent.
        (10**400, "too large"),
        (b"1e39", "too large"),
        (1e300, "too large for float32: 1e+300"),
    ],
)
def test_what_is_no_number_is_refused(raw: Any, reason: str, tmp_path: Path):
    assert reason in refused(Number(), raw, tmp_path)
