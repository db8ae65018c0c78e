"""How many rows have a usable value of a feature, and why the others have none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.packing.missing_file import why_not_found
from tfmmrec.data.tables.source import TableSource

# Paths of files that are not there, of which one may show the cause.
_MAX_PATHS = 5


class Coverage:
    """Counts the rows of a feature that lack a usable value; can be merged with a later one.

    Attributes:
        missing: the number of rows without a value, or whose files are not there.
        rejected: the number of rows with an invalid value; of several values, others may be valid.
        not_found: the number of rows that name a file that is not there.
        slashed: the number of rows with a path whose backslashes were read as slashes.
    """

    def __init__(self) -> None:
        self.missing = self.rejected = self.not_found = self.slashed = 0
        self._not_found: list[str] = []
        self._slashed: list[str] = []

    def count(
        self,
        *,
        is_present: bool,
        is_rejected: bool,
        not_found: str | None = None,
        slashed: str | None = None,
    ) -> None:
        """Counts a row.

        Args:
            is_present: whether it has a value.
            is_rejected: whether it has an invalid value.
            not_found: a path of the row that names a file that is not there.
            slashed: a path of the row whose backslashes were read as slashes.
        """
        self.missing += not is_present and not is_rejected
        self.rejected += is_rejected
        if not_found is not None:
            self.not_found += 1
            self._not_found = [*self._not_found, not_found][:_MAX_PATHS]
        if slashed is not None:
            self.slashed += 1
            self._slashed = self._slashed or [slashed]

    def state(self) -> dict[str, Any]:
        """Returns the counts, as JSON."""
        return {
            "missing": self.missing,
            "rejected": self.rejected,
            "not_found": [self.not_found, self._not_found],
            "slashed": [self.slashed, self._slashed],
        }

    def merge(self, state: Mapping[str, Any]) -> None:
        """Adds the counts of later rows."""
        self.missing += state["missing"]
        self.rejected += state["rejected"]
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
        found: dict[str, Any] = {"missing": self.missing, "rejected": self.rejected}
        if self.not_found:
            first = self._not_found[0]
            found["not_found"] = {"rows": self.not_found, "first": first}
            hints = (why_not_found(path, media, table.folder) for path in self._not_found)
            hint = next(filter(None, hints), None)
            found["not_found"] |= {"hint": hint} if hint else {}
        if self.slashed:
            found["backslashes"] = {"rows": self.slashed, "first": self._slashed[0]}
        return found
