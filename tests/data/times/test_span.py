"""The first and the last time of a log."""

import datetime

import numpy as np

from tfmmrec.data.times.span import TimeSpan, describe_times, hint_at_times

DAY = 86_400_000
NOW = datetime.datetime(2022, 5, 1, tzinfo=datetime.UTC)


def span(*milliseconds: int) -> dict:
    found = TimeSpan()
    for time in milliseconds:
        found.observe(np.array([time, time]))
    return found.statistics()


def test_the_span_is_described():
    # 2022-04-08 is day 19,090 after 1970-01-01.
    assert span(19_090 * DAY, 19_120 * DAY, 19_100 * DAY) == {
        "first": 19_090 * DAY,
        "last": 19_120 * DAY,
        "unknown": 0,
    }
    both = span(19_090 * DAY, 19_120 * DAY)
    assert describe_times(both) == "times from 2022-04-08 to 2022-05-08 (UTC)"
    one_day = span(19_090 * DAY, 19_090 * DAY + 3_660_000, 0)
    assert describe_times(one_day) == (
        "times from 2022-04-08 00:00 to 2022-04-08 01:01 (UTC), 2 unknown (0)"
    )
    assert describe_times(span(0)) == "2 times are 0, which means unknown"
    assert describe_times(span(-62_135_596_800_000, 253_402_300_799_000)) == (
        "times from 0001-01-01 to 9999-12-31 (UTC)"
    )


def test_unlikely_times_get_a_hint():
    # Day 7,305 is 1990-01-01: 20 years of 365 days and 5 leap days.
    assert hint_at_times(span(7_305 * DAY, 19_113 * DAY), NOW) == ""
    assert "begins before 1990; if" in hint_at_times(span(7_305 * DAY - 1), NOW)
    # Day 19,113 is 2022-05-01.
    assert hint_at_times(span(19_113 * DAY, 19_114 * DAY), NOW) == ""
    assert "ends after tomorrow; if" in hint_at_times(span(19_114 * DAY + 1), NOW)
    assert "covers less than a day; if" in hint_at_times(span(19_113 * DAY), NOW)
    assert "covers less than a day; if" in hint_at_times(span(19_112 * DAY + 1, 19_113 * DAY), NOW)
    assert "time_format" in hint_at_times(span(1000), NOW)
    assert hint_at_times(span(0), NOW) == hint_at_times(span(), NOW) == ""
