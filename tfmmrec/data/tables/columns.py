"""Checks that a table has the required columns."""

import difflib
from pathlib import Path

from tfmmrec.errors import DataError

_MAX_LISTED = 30
_MAX_LENGTH = 40


def check_columns(path: Path | str, required: list[str], header: list[str], hint: str = "") -> None:
    """Raises DataError if a required column is missing or occurs twice.

    Args:
        path: the file or the key of a query, for messages.
        required: names of columns.
        header: the columns of the table.
        hint: what may be the cause if one is missing; ends the message (default: a column of a
            similar name).
    """
    for column in required:
        if column not in header:
            end = hint or _similar(column, header)
            raise DataError(
                f"{path}: no column {column!r}; the columns are {_listed(header)}"
                f"{f'; {end}' if end else ''}"
            )
        if header.count(column) > 1:
            raise DataError(f"{path}: the column {column!r} occurs twice; rename one")


def _listed(header: list[str]) -> str:
    """Returns the names in one text; what is left out is marked."""
    names = [
        f"{name[:_MAX_LENGTH]}…" if len(name) > _MAX_LENGTH else name
        for name in header[:_MAX_LISTED]
    ]
    more = len(header) - len(names)
    return ", ".join([*names, f"… and {more} more"] if more else names)


def _similar(column: str, header: list[str]) -> str:
    """Proposes the column whose name is closest, apart from letter case; "" without one."""
    names = {name.strip().casefold(): name for name in reversed(header)}
    near = difflib.get_close_matches(column.strip().casefold(), names, n=1, cutoff=0.7)
    return f"did you mean {names[near[0]]!r}?" if near else ""
