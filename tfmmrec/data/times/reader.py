"""Reads the time column of the interaction table, part by part."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfmmrec.data.times.advice import propose_format
from tfmmrec.data.times.columns import TimeColumn, time_column
from tfmmrec.data.times.patterns import UNAMBIGUOUS, Pattern, compile_format
from tfmmrec.data.times.units import (
    FIRST_SECOND,
    GUESSED_NAMES,
    LAST_SECOND,
    UNITS,
    UNKNOWN,
    Unit,
    guess_unit,
    other_unit,
)
from tfmmrec.errors import DataError
from tfmmrec.modalities.text import quote

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^(?i)[+-]?(nan|inf(inity)?)$"
# Arrow formats an error per value that it cannot cast, so that a few values are tried first.
_PROBE_ROWS = 16
# The number of advices given; proposing a format takes some milliseconds.
_MAX_ADVICE = 3


def parse_time_format(written: Any) -> Unit | Pattern:
    """Parses the key `time_format` of the interaction table.

    Args:
        written: a word of UNITS, or a format of strptime.

    Raises:
        ValueError: it is neither; the message says what to write.
    """
    if isinstance(written, str) and written in UNITS:
        return UNITS[written]
    if not isinstance(written, str) or "%" not in written:
        raise ValueError(
            f"write one of {', '.join(UNITS)}, or a format of strptime in quotes, such as "
            '"%d/%m/%Y %H:%M"'
        )
    return compile_format(written)


@dataclasses.dataclass
class Times:
    """The times of a part of a column.

    Attributes:
        milliseconds: Unix milliseconds, int64 `[n]`; undefined where absent or invalid.
        is_absent: bool `[n]`.
        is_invalid: bool `[n]`.
        reason: returns why the value of a row is invalid.
    """

    milliseconds: np.ndarray
    is_absent: np.ndarray
    is_invalid: np.ndarray
    reason: Callable[[int], str]


class TimeReader:
    """Reads a time column.

    Without a format, dates are read as ISO 8601 or RFC 2822 writes them. The unit of numbers is
    that of most numbers of a sample, and numbers of another unit are invalid.

    Args:
        time_format: the key `time_format` of the interaction table, or None.
    """

    def __init__(self, time_format: str | None = None):
        self.format = parse_time_format(time_format) if time_format is not None else None
        self.unit: Unit | None = self.format if isinstance(self.format, Unit) else None
        self._num_advice = 0

    def learn(self, sample: list[pa.Array | list[Any]]) -> None:
        """Guesses the unit of numbers from the first parts of the column.

        Raises:
            DataError: the column has dates or timestamps, and a format is given.
        """
        columns = [time_column(values) for values in sample]
        if self.format is not None and any(column.times is not None for column in columns):
            raise DataError(
                "interactions.time_format: it is for numbers and texts, and the time column has "
                "dates or timestamps; remove it"
            )
        if self.format is None:
            numbers = [_numbers(column) for column in columns]
            self.unit = guess_unit(np.concatenate([np.zeros(0), *numbers]))

    def read(self, values: pa.Array | list[Any]) -> Times:
        """Reads a part of the column, of values `[n]`."""
        column = time_column(values)
        if column.times is not None:
            milliseconds, is_time = _of_typed(column.times)
            absent = column.times.is_null().to_numpy(zero_copy_only=False)
            return Times(milliseconds, absent, ~is_time & ~absent, lambda row: _OUTSIDE)
        if isinstance(self.format, Pattern):
            column = TimeColumn(texts=column.as_texts(), reasons=column.reasons)
            microseconds, is_time = self.format.parse(column.texts)
            return self._times(column, _rounded(microseconds), is_time)
        numbers = _numbers(column)
        milliseconds, is_time = self._of_numbers(numbers)
        if self.format is None and column.texts is not None:
            rest = np.isnan(numbers) & column.texts.is_valid().to_numpy(zero_copy_only=False)
            if rest.any():
                texts = column.texts if rest.all() else column.texts.filter(pa.array(rest))
                milliseconds[rest], is_time[rest] = _of_texts(texts)
        return self._times(column, milliseconds, is_time)

    def _of_numbers(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        unit = self.unit or UNKNOWN
        milliseconds, is_time = unit.to_milliseconds(numbers)
        if self.format is None:
            is_time &= other_unit(numbers, unit) < 0
        return milliseconds, is_time

    def _times(self, column: TimeColumn, milliseconds: np.ndarray, is_time: np.ndarray) -> Times:
        if column.texts is not None:
            absent = column.texts.is_null().to_numpy(zero_copy_only=False).copy()
        else:
            absent = np.isnan(_numbers(column))
        absent[list(column.reasons)] = False
        invalid = ~is_time & ~absent
        return Times(milliseconds, absent, invalid, lambda row: self._reason(column, row))

    def _reason(self, column: TimeColumn, row: int) -> str:
        if row in column.reasons:
            return column.reasons[row]
        written = column.written(row)
        if isinstance(self.format, Pattern):
            return f"not a time in the format of time_format: {quote(written)}"
        number = _numbers(TimeColumn(texts=pa.array([written])))
        if np.isnan(number[0]):
            if self.unit and self.format:
                return f"not a number, as time_format says: {quote(written)}"
            return f"not a time in seconds or ISO 8601: {quote(written)}{self._advice(written)}"
        if not np.isfinite(number[0]):
            return f"not a finite number: {written}"
        unit = self.unit or UNKNOWN
        other = int(other_unit(number, unit)[0])
        if self.format is None and other >= 0:
            rest = f"the column has {unit.name}"
            return f"the time {written} looks like {GUESSED_NAMES[other]}, but {rest}"
        if unit.digits:
            return f"no such date: {written}; the column has {unit.name}"
        return f"{_OUTSIDE}: {written}"

    def _advice(self, written: str) -> str:
        self._num_advice += 1
        has_digit = any(character.isdigit() for character in written)
        if not has_digit or self._num_advice > _MAX_ADVICE:
            return ""
        return f"; {propose_format(written)}"


_OUTSIDE = "the time is outside of the years 1 to 9999"


def _numbers(column: TimeColumn) -> np.ndarray:
    """Returns the numbers of a column, float64 `[n]`; NaN for other values."""
    if column.numbers is not None:
        return column.numbers
    if column.texts is None:
        return np.zeros(0)
    try:
        pc.cast(column.texts.slice(0, _PROBE_ROWS), pa.float64())
        numbers = pc.cast(column.texts, pa.float64())
    except pa.ArrowInvalid:
        is_number = pc.match_substring_regex(column.texts, _NUMBER)
        plain = pc.if_else(is_number, pc.utf8_ltrim(column.texts, "+"), None)
        numbers = pc.cast(plain, pa.float64())
    # A written NaN is no number either; infinity stands for it.
    numbers = pc.if_else(pc.is_nan(numbers), np.inf, numbers)
    return numbers.to_numpy(zero_copy_only=False).copy()


def _of_typed(times: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Converts dates or timestamps of Arrow to Unix milliseconds, and says which are in range."""
    kind = times.type
    unit = "D" if kind == pa.date32() else "ms" if kind == pa.date64() else kind.unit
    number = times.cast(pa.int32() if unit == "D" else pa.int64())
    numbers = number.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    factor = {"D": 86_400, "s": 1, "ms": 1, "us": 1000, "ns": 1_000_000}[unit]
    seconds = numbers * factor if unit in ("D", "s") else numbers // factor // 1000
    is_time = (seconds >= FIRST_SECOND) & (seconds <= LAST_SECOND)
    seconds = np.where(is_time, seconds, 0)
    if unit in ("D", "s"):
        return seconds * 1000, is_time
    return np.where(is_time, np.rint(numbers / factor), 0).astype(np.int64), is_time


def _of_texts(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Reads unambiguous writings as Unix milliseconds, and says which texts are such."""
    for attempt in (_naive, _zoned, _utc):
        try:
            attempt(texts.slice(0, _PROBE_ROWS))
            read = attempt(texts)
        except pa.ArrowInvalid:
            continue
        milliseconds = _rounded(read.cast(pa.int64()).to_numpy(zero_copy_only=False))
        return milliseconds, milliseconds >= FIRST_SECOND * 1000
    microseconds = np.zeros(len(texts), np.int64)
    is_time = np.zeros(len(texts), bool)
    for pattern in UNAMBIGUOUS:
        rest = np.flatnonzero(~is_time)
        if len(rest):
            microseconds[rest], is_time[rest] = pattern.parse(texts.take(pa.array(rest)))
    return _rounded(microseconds), is_time


# Arrow reads plain ISO 8601 ten times as fast as the patterns, but a whole column or nothing.
def _naive(texts: pa.Array) -> pa.Array:
    return pc.cast(texts, pa.timestamp("us"))


def _zoned(texts: pa.Array) -> pa.Array:
    return pc.cast(texts, pa.timestamp("us", "UTC"))


def _utc(texts: pa.Array) -> pa.Array:
    for zone in (" UTC", " GMT"):
        if pc.all(pc.ends_with(texts, zone)).as_py():
            return _zoned(pc.replace_substring(texts, zone, "Z"))
    raise pa.ArrowInvalid("no zone")


def _rounded(microseconds: np.ndarray) -> np.ndarray:
    return np.rint(microseconds / 1000).astype(np.int64)
