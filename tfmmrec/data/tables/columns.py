"""Checks that a table has the required columns."""

from pathlib import Path

from tfmmrec.errors import DataError

_MAX_LISTED = 30


def check_columns(path: Path | str, required: list[str], header: list[str], hint: str = "") -> None:
    """Raises DataError if a required column is missing or occurs twice.

    Args:
        path: the file or the key of a query, for messages.
        required: names of columns.
        header: the columns of the table.
        hint: what may be the cause if one is missing; ends the message.
    """
    for column in required:
        if column not in header:
            listed = ", ".join(name[:40] for name in header[:_MAX_LISTED])
            more = ", …" if len(header) > _MAX_LISTED else ""
            end = f"; {hint}" if hint else ""
            raise DataError(f"{path}: no column {column!r}; the columns are {listed}{more}{end}")
        if header.count(column) > 1:
            raise DataError(f"{path}: the column {column!r} occurs twice; rename one")
