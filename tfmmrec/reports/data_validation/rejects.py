"""Counts of the rows and values that packing rejected, by table, field and reason."""

import collections
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfmmrec.reports.data_validation.anomalies import Anomaly
from tfmmrec.reports.tables import Table

NAME = "rejects.jsonl"
_KEYS = {"table", "row", "field", "reason"}


class Rejects:
    """Counts the entries of rejects.jsonl.

    Args:
        folder: the data folder.
    """

    def __init__(self, folder: Path):
        self.path = folder / NAME
        self.total = 0
        self.groups: collections.Counter[tuple[str, str, str]] = collections.Counter()
        self.examples: dict[tuple[str, str, str], str] = {}

    def read(self) -> Iterator[Anomaly]:
        """Reads the file and yields an anomaly per invalid line."""
        if not self.path.is_file():
            return
        with self.path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    entry = json.loads(line)
                    if not _KEYS.issubset(entry):
                        raise ValueError("it lacks a key")
                except (TypeError, ValueError):
                    problem = f"line {number} must be an object with {', '.join(sorted(_KEYS))}"
                    yield Anomaly(NAME, problem, category="lines")
                    continue
                self._count(entry)

    def _count(self, entry: dict[str, Any]) -> None:
        self.total += 1
        group = (entry["table"], entry["field"] or "row", reason_group(entry["reason"]))
        self.groups[group] += 1
        self.examples.setdefault(group, f"row {entry['row']}: {entry['reason']}")

    def tables(self, max_groups: int = 30) -> list[Table]:
        """Returns a table of the groups with an example each, largest first; [] without rejects."""
        if not self.groups:
            return []
        ranked = sorted(self.groups.items(), key=lambda entry: (-entry[1], entry[0]))
        rows = [(*group, self.examples[group], str(count)) for group, count in ranked[:max_groups]]
        if left_out := sum(count for _, count in ranked[max_groups:]):
            rows.append(("", "", "other reasons", "", str(left_out)))
        columns = ("table", "field", "reason", "example", "count")
        return [Table("Rejected when packing", columns, rows, texts=columns[:4])]


def reason_group(reason: str) -> str:
    """Removes quoted values from a reason: the text from the first colon or quote on.

    A file name before the first colon is removed as well.
    """
    parts = re.split(r"[:'\"]", reason)
    if len(parts) > 1 and re.search(r"[./\\]", parts[0]):
        parts = parts[1:]
    return parts[0].strip().removesuffix(". Received")
