"""Written times: patterns such as "%d/%m/%Y", which read whole columns in any locale."""

import dataclasses
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    "sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
_DAY_NAME = (
    "(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?|"
    "sat(?:urday)?|sun(?:day)?)"
)
_ZONE = r"[+-]\d\d(?::?\d\d)?|z|utc|gmt"

# The signs of time.strptime that determine a moment, each as a named group of RE2, or as text that
# is not needed. Names of months and days are English.
_SIGNS = {
    "Y": r"(?P<year>\d{4})",
    "y": r"(?P<short_year>\d\d)",
    "m": r"(?P<month>1[0-2]|0?[1-9])",
    "b": f"(?P<month_name>{_MONTH})",
    "B": f"(?P<month_name>{_MONTH})",
    "d": r"(?P<day>3[01]|[12]\d|0?[1-9]| [1-9])",
    "j": r"(?P<day_of_year>\d{1,3})",
    "H": r"(?P<hour>2[0-3]|[01]?\d)",
    "I": r"(?P<hour_of_12>1[0-2]|0?[1-9])",
    "p": r"(?P<half>am|pm|a\.m\.|p\.m\.)",
    "M": r"(?P<minute>[0-5]?\d)",
    "S": r"(?P<second>60|[0-5]?\d)",
    "f": r"(?P<fraction>\d{1,9})",
    "z": f"(?P<zone>{_ZONE})",
    "Z": "(?P<zone>z|utc|gmt)",
    "a": _DAY_NAME,
    "A": _DAY_NAME,
    "%": "%",
}
_ADVICE = (
    "write it with the signs of strptime, such as "
    '"%d/%m/%Y" for 31/12/2019 or "%b %d, %Y %I:%M %p" for Dec 31, 2019 11:59 PM'
)
_MICROSECONDS_PER_DAY = 86_400_000_000


@dataclasses.dataclass(frozen=True)
class Pattern:
    """A pattern of written times.

    Attributes:
        regex: a regular expression of RE2 with the groups of `_SIGNS`, for a whole text.
    """

    regex: str

    def parse(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Reads the times of a column; without a zone they are in UTC.

        Args:
            texts: strings `[n]`.

        Returns:
            Microseconds since 1970, int64 `[n]`, and whether the text is a time, bool `[n]`;
            other values are undefined.
        """
        found = pc.extract_regex(texts, self.regex)
        is_time = found.is_valid().to_numpy(zero_copy_only=False)
        groups = {field.name: found.field(i) for i, field in enumerate(found.type)}
        # An unmatched group is "", and every group of an unmatched text is undefined.
        texts_of = {name: pc.if_else(found.is_valid(), group, "") for name, group in groups.items()}
        days, is_day = _days(texts_of)
        return days * _MICROSECONDS_PER_DAY + _microseconds(texts_of), is_time & is_day


def compile_format(written: str) -> Pattern:
    """Compiles a format of strptime.

    Args:
        written: the format, such as "%d/%m/%Y %H:%M"; a space stands for one or more.

    Raises:
        ValueError: a sign is unknown or occurs twice, or the format determines no year; the
            message says what to write.
    """
    regex = ""
    for part in re.findall(r"%.?|\s+|[^%\s]+", written, re.DOTALL):
        if part.isspace():
            regex += r"\s+"
        elif not part.startswith("%"):
            regex += re.escape(part)
        elif part[1:] in _SIGNS:
            regex += _SIGNS[part[1:]]
        else:
            signs = ", ".join(f"%{sign}" for sign in _SIGNS)
            raise ValueError(f"unknown sign {part!r}; the signs are {signs}")
    names = re.findall(r"\?P<(\w+)>", regex)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"the {twice[0].replace('_', ' ')} occurs twice; {_ADVICE}")
    if not {"year", "short_year"} & set(names):
        raise ValueError(f"it has no year (%Y or %y); {_ADVICE}")
    if ("hour_of_12" in names) != ("half" in names):
        raise ValueError("%I (hour from 1 to 12) and %p (AM or PM) need each other; see also %H")
    return Pattern(rf"(?is)^\s*{regex}\s*$")


def _zoned(regex: str) -> Pattern:
    return Pattern(rf"(?i)^\s*{regex}(?:\s*(?P<zone>{_ZONE})(?:\s*(?:utc|gmt))?)?\s*$")


_CLOCK = (
    r"(?P<hour>2[0-3]|[01]?\d):(?P<minute>[0-5]\d)"
    r"(?::(?P<second>60|[0-5]\d)(?:[.,](?P<fraction>\d{1,12}))?)?"
)
# The writings that need no format: their order of year, month and day is certain.
UNAMBIGUOUS = (
    # ISO 8601 and its relatives, the year first: 2019-10-01 00:00:00 UTC, 2019/10/1T0:00:00,5+02.
    _zoned(
        r"(?P<year>\d{4})(?:-(?P<month>1[0-2]|0?[1-9])-|/(?P<month2>1[0-2]|0?[1-9])/|"
        r"\.(?P<month3>1[0-2]|0?[1-9])\.)(?P<day>3[01]|[12]\d|0?[1-9])"
        rf"(?:(?:\s*t\s*|\s+){_CLOCK})?"
    ),
    # Basic ISO 8601, 20191001T000000Z; the date alone is a whole number.
    _zoned(
        r"(?P<year>\d{4})(?P<month>1[0-2]|0[1-9])(?P<day>3[01]|[12]\d|0[1-9])[t ]"
        r"(?P<hour>2[0-3]|[01]\d)(?P<minute>[0-5]\d)"
        r"(?:(?P<second>60|[0-5]\d)(?:[.,](?P<fraction>\d{1,12}))?)?"
    ),
    # RFC 2822, of mail and HTTP: Tue, 01 Oct 2019 00:00:00 GMT.
    _zoned(
        rf"(?:{_DAY_NAME},\s*)?(?P<day>3[01]|[12]\d|0?[1-9])\s+(?P<month_name>{_MONTH})\s+"
        rf"(?P<year>\d{{4}})\s+{_CLOCK}"
    ),
)


def _numbers(texts: dict[str, pa.Array], name: str, default: int) -> np.ndarray | int:
    """Returns a group as int64 `[n]`, with the default where it is absent."""
    if name not in texts:
        return default
    given = pc.if_else(pc.equal(texts[name], ""), str(default), pc.utf8_ltrim(texts[name], " "))
    return pc.cast(given, pa.int64()).to_numpy(zero_copy_only=False)


def _days(texts: dict[str, pa.Array]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the days since 1970, int64 `[n]`, and whether there is such a day, bool `[n]`."""
    year = _numbers(texts, "year", 1970)
    if "short_year" in texts:
        short = _numbers(texts, "short_year", 70)
        year = short + np.where(short < 69, 2000, 1900)  # as strptime
    month: np.ndarray | int = _numbers(texts, "month", 1)
    for other in ("month2", "month3"):
        month = np.maximum(month, _numbers(texts, other, 1))
    if "month_name" in texts:
        start = pc.utf8_lower(pc.utf8_slice_codeunits(texts["month_name"], 0, 3))
        found = pc.index_in(start, value_set=pa.array(_MONTHS)).fill_null(0)
        month = found.to_numpy(zero_copy_only=False).astype(np.int64) + 1
    day = _numbers(texts, "day", 1)
    months = (np.asarray(year) - 1970) * 12 + np.asarray(month) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    if "day_of_year" in texts:
        day = _numbers(texts, "day_of_year", 1)
        days = (months // 12 * 12).astype("datetime64[M]").astype("datetime64[D]") + (day - 1)
        is_day = days.astype("datetime64[Y]").astype(np.int64) == months // 12
    else:
        days = first + (day - 1)
        is_day = days.astype("datetime64[M]").astype(np.int64) == months
    # The year 0 is no year of the calendar.
    return days.astype(np.int64), is_day & (np.asarray(year) > 0)


def _microseconds(texts: dict[str, pa.Array]) -> np.ndarray | int:
    """Returns the time of the day in microseconds, int64 `[n]`, moved to UTC."""
    hour = _numbers(texts, "hour", 0)
    if "hour_of_12" in texts:
        is_pm = pc.starts_with(pc.utf8_lower(texts["half"]), "p").to_numpy(zero_copy_only=False)
        hour = _numbers(texts, "hour_of_12", 12) % 12 + 12 * is_pm
    seconds = (hour * 60 + _numbers(texts, "minute", 0)) * 60 + _numbers(texts, "second", 0)
    fraction: np.ndarray | int = 0
    if "fraction" in texts:
        digits = pc.utf8_slice_codeunits(pc.utf8_rpad(texts["fraction"], 6, "0"), 0, 6)
        fraction = pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False)
    return (seconds - _offsets(texts)) * 1_000_000 + fraction


def _offsets(texts: dict[str, pa.Array]) -> np.ndarray | int:
    """Returns the seconds by which the zone is ahead of UTC, int64 `[n]`."""
    if "zone" not in texts:
        return 0
    coded = pc.dictionary_encode(texts["zone"])
    codes = coded.indices.to_numpy(zero_copy_only=False)
    return np.array([_offset(zone) for zone in coded.dictionary.to_pylist()] or [0])[codes]


def _offset(zone: str) -> int:
    if zone[:1] not in ("+", "-"):
        return 0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if zone[0] == "-" else seconds
