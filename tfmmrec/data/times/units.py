"""Numbers as times: Unix times in several units, and dates as whole numbers."""

import dataclasses

import numpy as np

# Times outside these years are no times.
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799  # years 1 to 9999
# 1990 to 2100, in seconds: what a log is expected to hold.
_SECONDS = (631_152_000, 4_102_444_800)
_YEARS = (1900, 2100)
_EXCEL_EPOCH = -25_569  # days from 1970-01-01 to 1899-12-30


@dataclasses.dataclass(frozen=True)
class Unit:
    """What a number says about a time.

    Attributes:
        name: what the numbers are, in the plural.
        per_second: the number of units per second, if it is at least 1.
        seconds: the number of seconds per unit, if it is at least 1.
        digits: of a date as a whole number, the number of its digits, from 4 (year) to 14 (second).
        epoch: the days from 1970-01-01 to the time zero.
        is_guessed: whether a column of these numbers is recognized.
    """

    name: str
    per_second: int = 1
    seconds: int = 1
    digits: int = 0
    epoch: int = 0
    is_guessed: bool = True

    def window(self) -> tuple[float, float]:
        """Returns the first and the last number that is expected of a log in this unit."""
        if self.digits:
            scale = 10.0 ** (self.digits - 4)
            return _YEARS[0] * scale, (_YEARS[1] + 1) * scale - 1
        return _SECONDS[0] * self.per_second, _SECONDS[1] * self.per_second

    def fits(self, numbers: np.ndarray) -> np.ndarray:
        """Returns which numbers are times of a log in this unit, bool `[n]`."""
        low, high = self.window()
        fits = (numbers >= low) & (numbers <= high)
        if self.digits:
            fits[fits] = _from_digits(numbers[fits], self.digits)[1]
        return fits

    def to_milliseconds(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Converts numbers to times.

        Args:
            numbers: float64 `[n]`.

        Returns:
            Unix milliseconds, int64 `[n]`, and whether the number is a time of the years 1 to
            9999, bool `[n]`; other values are undefined.
        """
        if self.digits:
            return _from_digits(numbers, self.digits)
        # Multiplied or divided by a whole number, since 1/1000 is no binary number.
        scaled = numbers * self.seconds * 1000 / self.per_second
        milliseconds = scaled + self.epoch * 86_400_000.0
        is_time = (milliseconds >= FIRST_SECOND * 1000) & (milliseconds <= LAST_SECOND * 1000)
        return np.rint(np.where(is_time, milliseconds, 0)).astype(np.int64), is_time


_DAY = 86_400
SECONDS = Unit("seconds")
# Numbers of no known unit, such as counters; they give the order of the events.
UNKNOWN = Unit("numbers that are no Unix times", is_guessed=False)
# The words of `time_format`.
UNITS: dict[str, Unit] = {
    "s": SECONDS,
    "ms": Unit("milliseconds", 1_000),
    "us": Unit("microseconds", 1_000_000),
    "ns": Unit("nanoseconds", 1_000_000_000),
    "days": Unit("days since 1970", seconds=_DAY, is_guessed=False),
    "excel": Unit("days of a spreadsheet", seconds=_DAY, epoch=_EXCEL_EPOCH, is_guessed=False),
    "order": Unit("numbers that order the events", is_guessed=False),
}
_DATES = (
    Unit("years", digits=4),
    Unit("months (YYYYMM)", digits=6),
    Unit("dates (YYYYMMDD)", digits=8),
    Unit("times (YYYYMMDDHHMM)", digits=12),
    Unit("times (YYYYMMDDHHMMSS)", digits=14),
)
_GUESSED = (*(unit for unit in UNITS.values() if unit.is_guessed), *_DATES)


def guess_unit(numbers: np.ndarray) -> Unit:
    """Returns the unit of most of the numbers; their windows do not overlap.

    Zeros do not count, since many logs write 0 for an unknown time.

    Args:
        numbers: a sample of a column, float64 `[n]`, any of them NaN.

    Returns:
        The unit that fits most of them; UNKNOWN if at most half fit any.
    """
    numbers = numbers[np.isfinite(numbers) & (numbers != 0)]
    counts = [int(unit.fits(numbers).sum()) for unit in _GUESSED]
    if 2 * sum(counts) <= len(numbers):
        return UNKNOWN
    return _GUESSED[int(np.argmax(counts))]


def other_unit(numbers: np.ndarray, unit: Unit) -> np.ndarray:
    """Finds numbers that are of another unit than their column.

    Args:
        numbers: float64 `[n]`.
        unit: the unit of the column.

    Returns:
        The index into GUESSED_NAMES of the unit that fits a number which does not fit `unit`, or
        -1, int `[n]`.
    """
    found = np.full(len(numbers), -1)
    others = _GUESSED if unit is not UNKNOWN else _GUESSED[1:4]
    doubtful = np.flatnonzero(~unit.fits(numbers))
    for other in others:
        index = _GUESSED.index(other)
        found[doubtful[other.fits(numbers[doubtful])]] = index
    return found


GUESSED_NAMES = tuple(unit.name for unit in _GUESSED)


def _from_digits(numbers: np.ndarray, digits: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads dates such as 20220408 as Unix milliseconds; see `Unit.to_milliseconds`."""
    low, high = 10.0 ** (digits - 1), 10.0**digits
    is_time = (numbers >= low) & (numbers < high) & (numbers == np.floor(numbers))
    # YYYYMMDDHHMMSS, with the month and the day 1 if they are not given.
    rest = np.where(is_time, numbers, low).astype(np.int64) * 10 ** (14 - digits)
    rest += 100_000_000 * (digits < 6) + 1_000_000 * (digits < 8)
    parts = []
    for _ in range(5):
        rest, part = np.divmod(rest, 100)
        parts.append(part)
    second, minute, hour, day, month = parts
    is_time &= (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    months = (rest - 1970) * 12 + np.clip(month, 1, 12) - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]") + (day - 1)
    is_time &= (day >= 1) & (days.astype("datetime64[M]").astype(np.int64) == months)
    seconds = ((days.astype(np.int64) * 24 + hour) * 60 + minute) * 60 + second
    return seconds * 1000, is_time
