"""How many rows have a usable value of a feature, and why the others have none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.packing.missing_file import why_not_found
from tfmmrec.data.tables.source import TableSource

# Paths of files that are not there, of which one may show the cause.
_MAX_PATHS = 5


class Coverage:
    """Counts the rows whose value of a feature is not usable; can be merged with a later one.

    Attributes:
        rejected: the number of rows with an invalid value; of several values, others may be valid.
        invalid: the number of those rows that have no valid value.
        not_found: the number of rows that name a file that is not there.
        slashed: the number of rows with a path whose backslashes were read as slashes.
    """

    def __init__(self) -> None:
        self.rejected = self.invalid = self.not_found = self.slashed = 0
        self._not_found: list[str] = []
        self._slashed: list[str] = []

    def count_rejected(self, *, has_valid: bool) -> None:
        """Counts a row with an invalid value, which may have valid ones as well."""
        self.rejected += 1
        self.invalid += not has_valid

    def count_not_found(self, path: str) -> None:
        """Counts a row with a path that names a file that is not there."""
        self.not_found += 1
        self._not_found = [*self._not_found, path][:_MAX_PATHS]

    def count_slashed(self, path: str) -> None:
        """Counts a row with a path whose backslashes were read as slashes."""
        self.slashed += 1
        self._slashed = self._slashed or [path]

    def state(self) -> dict[str, Any]:
        """Returns the counts, as JSON."""
        return {
            "rejected": self.rejected,
            "invalid": self.invalid,
            "not_found": [self.not_found, self._not_found],
            "slashed": [self.slashed, self._slashed],
        }

    def merge(self, state: Mapping[str, Any]) -> None:
        """Adds the counts of later rows."""
        self.rejected += state["rejected"]
        self.invalid += state["invalid"]
        self.not_found += state["not_found"][0]
        self._not_found = [*self._not_found, *state["not_found"][1]][:_MAX_PATHS]
        self.slashed += state["slashed"][0]
        self._slashed = self._slashed or state["slashed"][1]

    def statistics(self, table: TableSource, media: Path) -> dict[str, Any]:
        """Returns the counts for statistics.json.

        Args:
            table: the table of the rows.
            media: the folder to which paths are relative.
        """
        found: dict[str, Any] = {"rejected": self.rejected}
        if self.not_found:
            first = self._not_found[0]
            found["not_found"] = {"rows": self.not_found, "first": first}
            hints = (why_not_found(path, media, table.folder) for path in self._not_found)
            hint = next(filter(None, hints), None)
            found["not_found"] |= {"hint": hint} if hint else {}
        if self.slashed:
            found["backslashes"] = {"rows": self.slashed, "first": self._slashed[0]}
        return found
