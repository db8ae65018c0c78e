"""Proposes a `time_format` for a written time that is read by no rule."""

import datetime
import re
from collections.abc import Callable

import pyarrow as pa

from tfmmrec.data.times.patterns import compile_format

_DATES = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%m.%d.%Y", "%m %d, %Y"),
    *("%b %d, %Y", "%d %b, %Y", "%d %b %Y", "%d-%b-%Y", "%d/%b/%Y", "%b %d %Y", "%b-%d-%Y"),
    *("%a, %b %d, %Y", "%a %b %d %Y", "%a, %d %b %Y", "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y %m %d"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%y", "%Y-%m", "%m/%Y", "%b %Y", "%Y-%b-%d"),
)
_CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%I:%M%p", "%H:%M:%S.%f")
_PARTS = ("", *(f"{gap}{clock}" for gap in (" ", ", ", ":", "T", " at ", "-") for clock in _CLOCKS))
_ZONES = ("", " %z", "%z")
_WHOLES = ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Z %Y")
_TYPICAL = '"%d/%m/%Y %H:%M"'


def propose_format(written: str) -> str:
    """Returns what to write as `time_format`, with the day that a format reads if two fit.

    Args:
        written: a time as it stands in the table.

    Returns:
        Such as `interactions.time_format: "%b %d, %Y"`.
    """
    texts = pa.array([written])
    fitting: dict[str, int] = {}
    has_clock = ":" in written
    for date in filter(_starts_with(written), _DATES):
        for clock in _PARTS if has_clock else ("",):
            for zone in _ZONES if clock else ("",):
                if len(fitting) < 2:
                    _try(date + clock + zone, texts, fitting)
    for whole in _WHOLES:
        _try(whole, texts, fitting)
    formats = list(fitting)
    if not formats and re.search(r"[A-Z]{3,5}$|[A-Za-z]+/[A-Za-z_]+$", written):
        return "write the time zone as Z or in hours, such as +02:00; names of zones are not read"
    if not formats:
        return f"state its format as interactions.time_format, such as {_TYPICAL}"
    if len(formats) == 1:
        return f'write interactions.time_format: "{formats[0]}"'
    first, second = (f'"{name}" ({_day(fitting[name])})' for name in formats[:2])
    return f"write interactions.time_format: {first} or {second}"


def _starts_with(written: str) -> Callable[[str], bool]:
    """Returns whether a text starts with a time in a format, which is faster than to read it."""

    def starts(date: str) -> bool:
        return re.match(compile_format(date).regex.removesuffix("$"), written) is not None

    return starts


def _try(written_format: str, texts: pa.Array, fitting: dict[str, int]) -> None:
    microseconds, is_time = compile_format(written_format).parse(texts)
    if is_time[0] and int(microseconds[0]) not in fitting.values():
        fitting[written_format] = int(microseconds[0])


def _day(microseconds: int) -> str:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=microseconds)
    return f"{moment.day} {moment:%B} {moment.year}"
