"""Parses the ids and times of tables."""

import datetime
from typing import Any

import numpy as np

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.number import to_number
from tfmmrec.modalities.text import quote, to_utf8

# The year 5138 in seconds, or 1973 in milliseconds; larger Unix times are not in seconds.
MAX_UNIX_SECONDS = 1e11
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def to_id(raw: Any) -> str:
    """Parses an id; raises BrokenValue if it has a line break or is not valid UTF-8."""
    identity = to_utf8(raw).decode("utf-8").strip()
    if not identity:
        raise BrokenValue("the id is missing")
    if "\n" in identity or "\r" in identity:
        raise BrokenValue("the id has a line break")
    return identity


def to_milliseconds(raw: Any) -> int:
    """Parses Unix seconds or ISO 8601 (UTC if it has no time zone) to Unix milliseconds."""
    if isinstance(raw, bytes):
        raw = to_utf8(raw).decode("utf-8")
    if isinstance(raw, str):
        raw = _parse(raw)
    if isinstance(raw, datetime.date) and not isinstance(raw, datetime.datetime):
        raw = datetime.datetime.combine(raw, datetime.time())
    if isinstance(raw, datetime.datetime):
        raw = raw if raw.tzinfo else raw.replace(tzinfo=datetime.UTC)
        return round((raw - _EPOCH).total_seconds() * 1000)
    seconds = to_number(raw)
    if abs(seconds) > MAX_UNIX_SECONDS:
        raise BrokenValue(f"not Unix seconds: {quote(raw)} looks like milliseconds; divide by 1000")
    return round(seconds * 1000)


def _parse(written: str) -> float | datetime.datetime:
    try:
        if "_" in written:  # which Python accepts as a separator of digits
            raise ValueError
        return float(written)
    except ValueError:
        pass
    try:
        return datetime.datetime.fromisoformat(written.strip())
    except ValueError:
        raise BrokenValue(f"neither Unix seconds nor ISO 8601: {quote(written)}") from None


def seconds_to_milliseconds(seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Converts Unix seconds to milliseconds, as `to_milliseconds` does.

    Args:
        seconds: float64 `[n]`.

    Returns:
        Milliseconds, int64 `[n]`, and whether the value is in range, bool `[n]`; other values are
        undefined.
    """
    in_range = np.abs(seconds) <= MAX_UNIX_SECONDS  # False for NaN
    return np.rint(np.where(in_range, seconds, 0.0) * 1000).astype(np.int64), in_range
