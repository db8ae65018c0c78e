"""Parsing of ids."""

import pytest

from tfmmrec.data.interactions import to_id
from tfmmrec.errors import BrokenValue


def test_ids_are_texts_of_one_line():
    assert (to_id(b" 007 "), to_id(7)) == ("007", "7")
    for raw in (b"", b"  ", "a\nb", "a\rb", b"\xff"):
        with pytest.raises(BrokenValue):
            to_id(raw)
