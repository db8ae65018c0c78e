"""Times of a column: units of numbers, writings of dates, formats, and reasons of rejects."""

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tfmmrec.data.times import TimeReader
from tfmmrec.errors import DataError

DAY = 86_400_000
# 2022-04-08 is day 19,090 after 1970-01-01: 52 years of 365 days, 13 leap days, 31 + 28 + 31 + 7.
APRIL_8 = 19_090 * DAY


def read(values: Any, time_format: str | None = None) -> list[int | str | None]:
    """Returns the milliseconds, the reason or None of each value."""
    reader = TimeReader(time_format)
    reader.learn([values])
    times = reader.read(values)
    return [
        None
        if times.is_absent[row]
        else times.reason(row)
        if times.is_invalid[row]
        else int(times.milliseconds[row])
        for row in range(len(values))
    ]


@pytest.mark.parametrize(
    "raw",
    [
        "1649376000",
        "1649376000.0",
        "1.649376e9",
        "1649376000000",
        "1649376000000000",
        "1649376000000000000",
        "20220408",
        "20220408.0",
        "202204080000",
        "20220408000000",
        "2022-04-08",
        "2022-04-08 00:00",
        "2022-04-08T00:00:00",
        "2022-04-08T00:00:00Z",
        "2022-04-08t00:00:00z",
        "  2022-04-08 00:00:00  ",
        "2022-04-08 00:00:00 UTC",
        "2022-04-08 00:00:00 utc",
        "2022-04-08 00:00:00 GMT",
        "2022-04-08 00:00:00 Z",
        "2022-04-08 00:00:00 +0000 UTC",
        "2022-04-08 00:00:00.000000000",
        "2022-04-08T00:00:00,000",
        "2022-04-08T02:00:00+02:00",
        "2022-04-07T18:30:00-0530",
        "2022-04-08 02:00:00 +02",
        "2022/04/08",
        "2022/4/8 0:00:00",
        "2022.04.08",
        "20220408T000000Z",
        "20220408T0000",
        "Fri, 08 Apr 2022 00:00:00 GMT",
        "8 Apr 2022 00:00:00 +0000",
    ],
)
def test_certain_writings_are_read(raw):
    assert read([raw.encode(), raw]) == [APRIL_8, APRIL_8]
    # In a column with other writings, no fast path of Arrow applies to all.
    assert read(pa.array([raw, "2022-04-08 00:00:00 UTC", "1970-01-02T00:00"]))[0] == APRIL_8


def test_parts_of_seconds_are_rounded_to_milliseconds():
    raws = ["1970-01-01 00:00:00.0014", "1970-01-01T00:00:00.0016999999Z", "1970-01-01T00:00:01,5"]
    assert [read([raw])[0] for raw in raws] == read(raws) == [1, 2, 1500]
    # The numbers are too small to be recognized, and are seconds.
    assert read([b"1.5", b"0.0004", b"-1.5", "+2"]) == [1500, 0, -1500, 2000]


@pytest.mark.parametrize(
    ("raws", "milliseconds"),
    [
        (["2022", "2021"], [18_993 * DAY, 18_628 * DAY]),  # 52 and 51 years, 13 leap days each
        (["202204", "202205"], [19_083 * DAY, 19_113 * DAY]),
        (["1", "2", "3"], [1000, 2000, 3000]),
        (["19090"], [19_090_000]),
    ],
)
def test_small_numbers(raws, milliseconds):
    assert read(raws) == milliseconds


def test_types_of_arrow_are_read_in_every_unit():
    for unit, per_second in {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.items():
        array = pa.array([1_649_376_000 * per_second, None, -1], pa.timestamp(unit))
        before = -1000 if unit == "s" else -1 if unit == "ms" else 0
        assert read(array) == [APRIL_8, None, before]
        assert read(array.cast(pa.timestamp(unit, "Asia/Tokyo"))) == [APRIL_8, None, before]
    day = datetime.date(2022, 4, 8)
    assert read(pa.array([day, None])) == [APRIL_8, None]
    assert read(pa.array([day], pa.date64())) == [APRIL_8]
    for numbers in (pa.int64(), pa.float64(), pa.string(), pa.large_string(), pa.decimal128(19)):
        array = pa.array([20220408, None]).cast(numbers)
        assert read(array) == read(array.dictionary_encode()) == [APRIL_8, None]
    (reason,) = read(pa.array([2**62], pa.timestamp("s")))
    assert reason == "the time is outside of the years 1 to 9999"


def test_numbers_of_another_unit_are_named_as_they_are_written():
    raws = ["1695262025123334", "1695262025123335", "1695262025", "20220408", "1695262025123"]
    assert read(raws)[2:] == [
        "the time 1695262025 looks like seconds, but the column has microseconds",
        "the time 20220408 looks like dates (YYYYMMDD), but the column has microseconds",
        "the time 1695262025123 looks like milliseconds, but the column has microseconds",
    ]
    numbers = pa.array([1695262025, 1695262026, 1695262025123, None]).cast(pa.float64())
    assert read(numbers)[2:] == [
        "the time 1695262025123 looks like milliseconds, but the column has seconds",
        None,
    ]
    assert read(["20220408", "20220431", "20220409"])[1] == (
        "no such date: 20220431; the column has dates (YYYYMMDD)"
    )
    # Large counters are no mistake among counters, and zero means nothing among seconds.
    assert read(["5", "6", "20220408"])[2] == 20_220_408_000
    assert read(["0", "0", "0", "1649376000"]) == [0, 0, 0, APRIL_8]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"soon", "not a time in seconds or ISO 8601: 'soon'"),
        (b"01/10/2019", '"%d/%m/%Y" (1 October 2019) or "%m/%d/%Y" (10 January 2019)'),
        (b"13/10/2019 12:30", 'write interactions.time_format: "%d/%m/%Y %H:%M"'),
        (b"Oct 1, 2019", 'write interactions.time_format: "%b %d, %Y"'),
        (b"October 13, 2019 1:05 PM", '"%b %d, %Y %I:%M %p"'),
        (b"09 13, 2009", 'write interactions.time_format: "%m %d, %Y"'),
        (b"Tue Oct 01 00:00:00 +0000 2019", '"%a %b %d %H:%M:%S %z %Y"'),
        (b"2019-10-01 00:00:00 PST", "names of zones are not read"),
        (b"2019-02-30", "state its format as interactions.time_format"),
        (b"2019-13-01", "state its format as interactions.time_format"),
        (b"0000-01-01", "not a time"),
        (b"1_000", "not a time"),
        (b"nan", "not a finite number: nan"),
        (b"inf", "not a finite number: inf"),
        (b"1e30", "the time is outside of the years 1 to 9999: 1e30"),
        (b"\xff", "not valid UTF-8"),
        (float("nan"), "not a finite number: NaN"),
        (True, "not a time: true"),
        ([1], "not a time: [1]"),
    ],
)
def test_what_is_no_time_has_a_reason(raw, reason):
    found, other = read([raw, "2019-10-01 00:00:00 UTC"])
    assert reason in str(found)
    assert other == 18_170 * DAY


def test_absent_values_are_told_from_invalid_ones():
    assert read([None, b"", b"  ", b"1970-01-02"]) == [None, None, None, DAY]
    assert read(pa.nulls(2)) == [None, None]


@pytest.mark.parametrize(
    ("time_format", "raw"),
    [
        ("s", "1649376000"),
        ("ms", "1649376000000"),
        ("us", "1649376000000000"),
        ("ns", "1649376000000000000"),
        ("days", "19090"),
        ("excel", "44659"),
        ("order", "1649376000"),
        ("%d/%m/%Y", "08/04/2022"),
        ("%d/%m/%y", "8/4/22"),
        ("%m/%d/%Y %I:%M:%S %p", "04/08/2022 12:00:00 AM"),
        ("%b %d, %Y", "Apr 8, 2022"),
        ("%b %d, %Y", "april  8, 2022"),
        ("%a %b %d %H:%M:%S %z %Y", "Fri Apr 08 05:30:00 +0530 2022"),
        ("%d/%b/%Y:%H:%M:%S %z", "08/Apr/2022:00:00:00 +0000"),
        ("%Y%m%d", "20220408"),
        ("%Y-%j", "2022-098"),
        ("%H:%M:%S.%f %d.%m.%Y", "00:00:00.000 08.04.2022"),
        ("%Y年%m月%d日", "2022年4月8日"),
        ("100%% %Y (%m) %d", "100% 2022 (04) 08"),
    ],
)
def test_formats(time_format, raw):
    assert read([raw, f" {raw} ", None], time_format) == [APRIL_8, APRIL_8, None]


def test_a_format_reads_numbers_too_and_refuses_other_values():
    assert read(pa.array([20220408.0, None]), "%Y%m%d") == [APRIL_8, None]
    assert read(["2022-04-31"], "%Y-%m-%d") == [
        "not a time in the format of time_format: '2022-04-31'"
    ]
    assert read(["Oct 1, 2019"], "ms") == ["not a number, as time_format says: 'Oct 1, 2019'"]
    # What a unit says is not guessed again.
    assert read(["1649376000"], "ms") == [1_649_376_000]


@pytest.mark.parametrize(
    ("time_format", "message"),
    [
        ("%Q", "unknown sign '%Q'"),
        ("%Y %", "unknown sign '%'"),
        ("%d.%m.", "it has no year"),
        ("%Y %Y", "the year occurs twice"),
        ("%Y %I", "%p"),
        ("seconds", "write one of s, ms, us, ns, days, excel, order"),
        (20, "write one of s"),
    ],
)
def test_a_format_that_says_too_little_is_refused(time_format, message):
    with pytest.raises(ValueError, match=message):
        TimeReader(time_format)


def test_a_format_of_timestamps_is_refused():
    days = pa.array([datetime.date(2019, 10, 1)])
    with pytest.raises(DataError, match=r"^interactions\.time_format: .*timestamps; remove it$"):
        TimeReader("%Y").learn([days])


def test_the_unit_comes_from_the_sample_and_holds_for_all_parts():
    reader = TimeReader()
    reader.learn([pa.array([None, 0]), pa.array([1_649_376_000_000, 1_649_376_000_001])])
    assert reader.read(pa.array([1_649_376_000_002])).milliseconds.tolist() == [APRIL_8 + 2]
    assert reader.read(pa.array([1_649_376_000])).is_invalid.tolist() == [True]


def test_many_times_are_read_as_each_alone():
    rng = np.random.default_rng(0)
    moments = rng.integers(0, 4_000_000_000_000_000, 200).astype("datetime64[us]")
    texts = np.datetime_as_string(moments).tolist()
    expected = np.rint(moments.astype(np.int64) / 1000).astype(np.int64).tolist()
    assert read(texts) == expected
    assert [read([text + "Z", "x"])[0] for text in texts[:40]] == expected[:40]
