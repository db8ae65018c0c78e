"""Parses the ids of tables."""

import decimal
from typing import Any

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.text import to_utf8

# Above, neighboring whole numbers are the same float.
_LAST_EXACT_FLOAT = 2**53


def to_id(raw: Any) -> str:
    """Parses an id.

    Args:
        raw: the value in the table. A whole number is written without `.0`, since float columns of
            Parquet hold ids that were integers before a row without an id came.

    Raises:
        BrokenValue: the id is empty, has a line break, is not valid UTF-8, or is a float so large
            that digits of the id are lost.
    """
    # In the most frequent case, nothing has to be converted.
    is_ascii = isinstance(raw, str) and raw.isascii()
    identity = raw.strip() if is_ascii else to_text(raw)
    if not identity:
        raise BrokenValue("the id is missing")
    if "\n" in identity or "\r" in identity:
        raise BrokenValue("the id has a line break")
    return identity


def to_text(raw: Any) -> str:
    """Returns a value of a table as text without blanks around it; 3.0 is `3`.

    Raises:
        BrokenValue: it is not valid UTF-8, or a float so large that digits are lost.
    """
    if isinstance(raw, float) and raw.is_integer():
        if abs(raw) >= _LAST_EXACT_FLOAT:
            raise BrokenValue(
                f"the id {raw:.0f} is a float, which has lost digits; write integers or texts"
            )
        raw = int(raw)
    elif isinstance(raw, decimal.Decimal) and raw == raw.to_integral_value():
        raw = int(raw)
    return to_utf8(raw).decode("utf-8").strip()
