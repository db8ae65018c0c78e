"""The times of events: units of numbers, writings of dates, and formats."""

from tfmmrec.data.times.reader import TimeReader, Times, parse_time_format

__all__ = ["TimeReader", "Times", "parse_time_format"]
