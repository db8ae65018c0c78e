"""Parses the ids of tables."""

from typing import Any

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.text import to_utf8


def to_id(raw: Any) -> str:
    """Parses an id; raises BrokenValue if it has a line break or is not valid UTF-8."""
    identity = to_utf8(raw).decode("utf-8").strip()
    if not identity:
        raise BrokenValue("the id is missing")
    if "\n" in identity or "\r" in identity:
        raise BrokenValue("the id has a line break")
    return identity
