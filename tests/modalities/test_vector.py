"""Tests of vectors: accepted and rejected forms in a table."""

from pathlib import Path
from typing import Any

import pytest

from tests.modalities.contract import refused
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import Vector, create


@pytest.mark.parametrize(
    "raw",
    [
        b"0.1 0.2",
        b" [0.1 0.2]\n",
        b"0.1,0.2",
        b"[ 0.1, 0.2 ]",
        "[0.1,2e-1]",
        [0.1, 0.2],
        ["0.1", 0.2],
    ],
)
def test_a_vector_is_a_list_or_a_text(raw: Any, tmp_path: Path):
    # 0.1 and 0.2 as the nearest float32.
    assert Vector(dim=2).check(raw, tmp_path) == [0.10000000149011612, 0.20000000298023224]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ([0.1], "2 numbers are expected. Received: 1"),
        (b"1 2 3", "2 numbers are expected. Received: 3"),
        (b"1,,2", "2 numbers are expected. Received: 3"),
        (b"1,", "2 numbers are expected; number 2 is not a number: ''"),
        (b"[1 2", "2 numbers are expected; number 1 is not a number: '[1'"),
        (b"1 two", "2 numbers are expected; number 2 is not a number: 'two'"),
        (b"\xff", "not valid UTF-8"),
        (7, "2 numbers are expected. Received: 7"),
        ({"a": 1}, '2 numbers are expected. Received: {"a": 1}'),
        ([1, None], "2 numbers are expected; number 2 is not a number: null"),
        ([True, 1], "2 numbers are expected; number 1 is not a number: true"),
        ([[1], [2]], "2 numbers are expected; number 1 is not a number: [1]"),
        ([1, 10**400], "2 numbers are expected; number 2 is too large"),
        (b"1 nan", "2 numbers are expected; number 2 is not a finite number: 'nan'"),
        ([float("inf"), 1.0], "2 numbers are expected; number 1 is not a finite number"),
        # float32 ends at 3.4e38.
        ([1.0, 1e39], "2 numbers are expected; number 2 is too large for float32: 1e+39"),
    ],
)
def test_what_is_no_vector_is_refused(raw: Any, reason: str, tmp_path: Path):
    assert reason in refused(Vector(dim=2), raw, tmp_path)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "modality vector needs the option 'dim'"),
        ({"dim": None}, "modality vector: dim: a whole number is needed"),
        ({"dim": 2.0}, "modality vector: dim: a whole number is needed"),
        ({"dim": "2"}, "modality vector: dim: a whole number is needed"),
        ({"dim": True}, "modality vector: dim: a whole number is needed"),
        ({"dim": 0}, "modality vector: dim must be at least 1. Received: 0"),
    ],
)
def test_a_vector_needs_its_length(options: dict, reason: str):
    with pytest.raises(ConfigError) as caught:
        create({"modality": "vector", **options})
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
