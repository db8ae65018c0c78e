"""Tests of categories: separators, lists, invalid values."""

from pathlib import Path

from tests.modalities.contract import refused
from tfmmrec.modalities import Categorical


def test_categories_hold_no_line_break_and_are_no_objects(tmp_path: Path):
    assert "line break" in refused(Categorical(), "a\nb", tmp_path)
    assert "line break" in refused(Categorical("|"), b"x|a\rb", tmp_path)
    assert "categories are expected" in refused(Categorical(), {"a": 1}, tmp_path)
    # A break at the end is a space like another.
    assert Categorical().check("a\n", tmp_path) == [b"a"]
    # A JSON list is several without a separator, and a number is a name.
    assert Categorical().check(["b", None, 7, True, "b"], tmp_path) == [b"b", b"7", b"true"]
    assert "a text is expected. Received a list" in refused(Categorical(), ["a", ["b"]], tmp_path)
    assert Categorical().check("a|b", tmp_path) == [b"a|b"]
