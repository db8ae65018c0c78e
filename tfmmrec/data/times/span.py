"""The first and the last time of a log, and a hint if they are unlikely."""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np

_DAY = 86_400_000
_EARLIEST = 631_152_000_000  # 1990


class TimeSpan:
    """Observes the times of a log; 0 is an unknown time."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._last: int | None = None
        self._num_unknown = 0

    def observe(self, milliseconds: np.ndarray) -> None:
        """Adds times, int64 `[n]`."""
        known = milliseconds[milliseconds != 0]
        self._num_unknown += len(milliseconds) - len(known)
        if len(known):
            first, last = int(known.min()), int(known.max())
            self._first = first if self._first is None else min(self._first, first)
            self._last = last if self._last is None else max(self._last, last)

    def statistics(self) -> dict[str, Any]:
        """Returns the entry in statistics.json: milliseconds, None if no time is known."""
        return {"first": self._first, "last": self._last, "unknown": self._num_unknown}


def describe_times(times: Mapping[str, Any]) -> str:
    """Describes `TimeSpan.statistics`, such as "times from 2022-04-08 to 2022-05-08 (UTC)"."""
    if times["first"] is None:
        return f"{times['unknown']} times are 0, which means unknown"
    unit = "m" if times["last"] - times["first"] < _DAY else "D"
    first, last = (
        str(np.datetime64(times[end], "ms").astype(f"datetime64[{unit}]")).replace("T", " ")
        for end in ("first", "last")
    )
    unknown = f", {times['unknown']} unknown (0)" if times["unknown"] else ""
    return f"times from {first} to {last} (UTC){unknown}"


def hint_at_times(times: Mapping[str, Any], now: datetime.datetime | None = None) -> str:
    """Returns what to do if a log begins before 1990, ends after tomorrow, or covers no day.

    Args:
        times: an entry of `TimeSpan.statistics`.
        now: the present moment; by default, that of the clock.

    Returns:
        The hint; "" for likely times.
    """
    if times["first"] is None:
        return ""
    today = (now or datetime.datetime.now(datetime.UTC)).timestamp() * 1000
    if times["first"] < _EARLIEST:
        where = "the log begins before 1990"
    elif times["last"] > today + _DAY:
        where = "the log ends after tomorrow"
    elif times["last"] - times["first"] < _DAY:
        where = "the log covers less than a day"
    else:
        return ""
    return (
        f"{where}; if that is wrong, state what the times are as interactions.time_format: days, "
        'excel, order (numbers that only order the events), or a format such as "%Y%m%d"'
    )
