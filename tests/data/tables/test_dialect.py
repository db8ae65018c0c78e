"""The keys of a dialect: what is read, and a one-line error that names the key."""

from typing import Any

import pytest

from tfmmrec.data.tables.dialect import Dialect, parse_dialect
from tfmmrec.errors import ConfigError


def test_a_section_without_the_keys_leaves_all_to_the_file():
    assert parse_dialect({"table": "items.csv", "id": "id"}, "d.yaml: items") == Dialect()


def test_all_keys_are_read():
    content = {
        "delimiter": "\t",
        "quote": "'",
        "escape": "\\",
        "encoding": "Latin1",
        "missing": ["\\N", "NA"],
    }
    assert parse_dialect(content, "d.yaml: items") == Dialect(
        "\t", "'", "\\", "iso8859-1", ("\\N", "NA")
    )


@pytest.mark.parametrize("none", ["", False])
def test_no_quote_and_no_escape_differ_from_unknown_ones(none):
    assert parse_dialect({"quote": none, "escape": none}, "") == Dialect(quote="", escape="")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp1252", "gb18030"])
def test_encodings_of_python_are_known(encoding):
    assert parse_dialect({"encoding": encoding}, "").encoding == encoding


def test_one_text_of_missing_values_needs_no_brackets():
    assert parse_dialect({"missing": "NA"}, "").missing == ("NA",)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("delimiter", ""),
        ("delimiter", False),
        ("delimiter", "::"),
        ("delimiter", "a"),
        ("delimiter", "\n"),
        ("delimiter", "；"),
        ("delimiter", 1),
        ("quote", True),
        ("quote", '""'),
        ("quote", "“"),
        ("escape", "\r"),
        ("escape", ["\\"]),
        ("encoding", "klingon"),
        ("encoding", "base64"),
        ("encoding", 8),
        ("encoding", "undefined"),
        ("encoding", "punycode"),
        ("encoding", "idna"),
        ("missing", [None]),
        ("missing", ["NA", -1]),
        ("missing", {"NA": 1}),
        ("missing", 0),
    ],
)
def test_an_invalid_value_names_its_key(key: str, value: Any):
    with pytest.raises(ConfigError) as caught:
        parse_dialect({key: value}, "d.yaml: users")
    message = str(caught.value)
    assert message.startswith(f"d.yaml: users.{key}: ") and f"Received: {value!r}" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"delimiter": "'", "quote": "'"}, "quote"),
        ({"delimiter": "|", "escape": "|"}, "escape"),
        ({"quote": "'", "escape": "'"}, "escape"),
    ],
)
def test_marks_must_differ(content: dict, key: str):
    with pytest.raises(ConfigError, match=f"items.{key}: must differ"):
        parse_dialect(content, "items")
