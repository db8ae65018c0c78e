"""Parsing of ids."""

import decimal

import pytest

from tfmmrec.data.interactions import to_id
from tfmmrec.errors import BrokenValue


def test_ids_are_texts_of_one_line():
    assert (to_id(b" 007 "), to_id(7), to_id("3.0")) == ("007", "7", "3.0")
    for raw in (b"", b"  ", "a\nb", "a\rb", b"\xff"):
        with pytest.raises(BrokenValue):
            to_id(raw)


def test_whole_floats_are_written_without_decimals():
    assert (to_id(3.0), to_id(-0.0), to_id(3.5), to_id(decimal.Decimal("3.00"))) == (
        "3",
        "0",
        "3.5",
        "3",
    )
    # 2**53 + 1 is the first whole number that is no float.
    assert to_id(2.0**53 - 1) == "9007199254740991"
    with pytest.raises(BrokenValue, match="the id 9007199254740992 is a float, which has lost"):
        to_id(2.0**53)
