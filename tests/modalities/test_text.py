"""Tests of text: stored form of a value, quoting in messages."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.modalities.contract import refused
from tfmmrec.modalities import Categorical, Text
from tfmmrec.modalities.text import quote


@pytest.mark.parametrize("raw", [b"caf\xe9", "\ud800"])
def test_what_is_no_utf8_is_refused(raw: Any, tmp_path: Path):
    for modality in (Text(), Categorical()):
        assert "not valid UTF-8" in refused(modality, raw, tmp_path)


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("שלום 👩‍👩‍👧‍👦 \u202e\u0301", "שלום 👩‍👩‍👧‍👦 \u202e\u0301".encode()),
        (b"a\0b", b"a\0b"),
        (12, b"12"),
        (1.5, b"1.5"),
        (True, b"true"),
        (False, b"false"),
        (datetime.date(2001, 2, 3), b"2001-02-03"),
        # A byte order mark within a text is a character like another.
        (b"a\xef\xbb\xbfb", b"a\xef\xbb\xbfb"),
    ],
)
def test_what_is_a_text_is_stored_as_json_writes_it(raw: Any, stored: bytes, tmp_path: Path):
    assert Text().check(raw, tmp_path) == [stored]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (["a"], """a text is expected. Received a list: ["a"]"""),
        ({"a": "é"}, """a text is expected. Received an object: {"a": "é"}"""),
        (float("nan"), "a text or a finite number is expected. Received: NaN"),
        (
            b"ab\xffcd",
            "not valid UTF-8 at byte 3: 'ab\ufffdcd'; if the table has another encoding, give it, "
            "such as encoding: cp1252",
        ),
        ("a\ud800", "not valid UTF-8 at character 2: half of a surrogate pair"),
    ],
)
def test_what_is_no_text_is_refused(raw: Any, reason: str, tmp_path: Path):
    assert refused(Text(), raw, tmp_path) == reason


def test_reasons_quote_in_one_short_line():
    assert quote(b"a\nb") == r"'a\nb'"
    assert quote("x" * 60) == "'" + "x" * 60 + "'"
    assert quote("x" * 61) == "'" + "x" * 59 + "…"
    assert quote(b"\xd0\xb0" * 10_000_000) == "'" + "а" * 59 + "…"
    assert (
        quote(list(range(100))) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1…"
    )
