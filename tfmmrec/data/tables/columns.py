"""The columns that a table has, and those that it is to have."""

from pathlib import Path

from tfmmrec.errors import DataError

_MOST_SHOWN = 30


def refuse_missing(path: Path, wanted: list[str], found: list[str]) -> None:
    """Raises DataError when a wanted column is not there, or stands there twice."""
    for column in wanted:
        if column not in found:
            shown = ", ".join(name[:40] for name in found[:_MOST_SHOWN])
            more = ", …" if len(found) > _MOST_SHOWN else ""
            raise DataError(f"{path}: no column {column!r}; there are {shown}{more}")
        if found.count(column) > 1:
            raise DataError(f"{path}: the column {column!r} stands there twice; rename one")
