"""Parsing of ids and times."""

import datetime

import pytest

from tfmmrec.data.interactions import to_id, to_milliseconds
from tfmmrec.errors import BrokenValue


@pytest.mark.parametrize(
    ("raw", "milliseconds"),
    [
        (b"1700000000", 1_700_000_000_000),
        (1.5, 1500),
        (b"-1", -1000),
        # 1970-01-02 is one day of 86,400 seconds after the epoch.
        (b"1970-01-02", 86_400_000),
        ("1970-01-02T00:00:01", 86_401_000),
        ("1970-01-02T00:00:01Z", 86_401_000),
        # Two hours east of Greenwich it is two hours earlier: 86,400 - 7,200 = 79,200.
        ("1970-01-02T00:00:00+02:00", 79_200_000),
        (" 1970-01-02 00:00:00.250 ", 86_400_250),
        (datetime.datetime(1970, 1, 2), 86_400_000),
        (datetime.datetime(1970, 1, 2, tzinfo=datetime.UTC), 86_400_000),
    ],
)
def test_times_of_unix_and_iso_8601(raw, milliseconds):
    assert to_milliseconds(raw) == milliseconds


@pytest.mark.parametrize("raw", [b"soon", b"2024-13-01", b"nan", b"inf", b"\xff", 1e30, [1]])
def test_what_is_no_time_is_refused(raw):
    with pytest.raises(BrokenValue):
        to_milliseconds(raw)


def test_ids_are_texts_of_one_line():
    assert (to_id(b" 007 "), to_id(7)) == ("007", "7")
    for raw in (b"", b"  ", "a\nb", "a\rb", b"\xff"):
        with pytest.raises(BrokenValue):
            to_id(raw)


def test_a_time_in_milliseconds_is_told_from_one_in_seconds():
    # 1e11 seconds lie in the year 5138.
    assert to_milliseconds(b"100000000000") == 10**14
    with pytest.raises(BrokenValue, match="looks like milliseconds"):
        to_milliseconds(b"1700000000000")
