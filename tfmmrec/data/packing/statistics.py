"""Statistics of a packing job: counts per feature, and rejected rows and values."""

import collections
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TextIO

from tfmmrec.data.packing.coverage import Coverage
from tfmmrec.data.packing.row import PackedRow
from tfmmrec.data.tables.missing import rejected_mark
from tfmmrec.data.tables.source import TableSource
from tfmmrec.errors import DataError
from tfmmrec.modalities import Modality


class Rejects:
    """Writes rejected rows and values to rejects.jsonl, and counts them by table and field.

    Attributes:
        total: the number of rejected rows and values.
        num_read: the number of rows read.
        fields: the number of rejects by "TABLE: FIELD".
    """

    def __init__(self, out: TextIO):
        self.out = out
        self.total = 0
        self.num_read = 0
        self.fields: collections.Counter[str] = collections.Counter()
        self._first: dict[tuple[str, str | None], str] = {}
        self._marks: collections.Counter[tuple[str, str | None, str]] = collections.Counter()

    def add(self, table: TableSource, row: int, field: str | None, reason: str) -> None:
        """Adds a rejected row (without `field`) or value, with the row number of `read_chunks`."""
        part, row = table.locate(row)
        entry = {"table": part, "row": row, "field": field, "reason": reason}
        self.out.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.total += 1
        self.fields[f"{table.name}: {field or 'row'}"] += 1
        first = f"{part} row {row}: {field or 'row'}: {reason}"
        self._first.setdefault((table.label, field), first)
        if mark := rejected_mark(reason):
            self._marks[table.label, field, mark] += 1

    def first(self, table: TableSource, fields: Collection[str | None] | None = None) -> str | None:
        """Returns the first reject of a table in one line, or None.

        Args:
            table: the table.
            fields: the fields to consider, None for whole rows (default: all).
        """
        found = (
            line
            for (label, field), line in self._first.items()
            if label == table.label and (fields is None or field in fields)
        )
        return next(found, None)

    def marks(self, table: TableSource, fields: Collection[str]) -> collections.Counter[str]:
        """Counts the rejects of some fields whose value looks like a mark of missing values."""
        found: collections.Counter[str] = collections.Counter()
        for (label, field, mark), count in self._marks.items():
            if label == table.label and field in fields:
                found[mark] += count
        return found

    def share(self) -> float:
        """Returns the rejects per row read; above 1 if rows have several invalid values."""
        return self.total / max(1, self.num_read)

    def no_valid_row(self, table: TableSource) -> DataError:
        """Returns the error for a table without a valid row, which quotes its first reject."""
        first = self.first(table)
        reason = f"first: {first}" if first else "it is empty"
        return DataError(f"{table.label}: no valid row; {reason}")

    def statistics(self) -> dict[str, Any]:
        """Returns the entry of the rejects in statistics.json."""
        fields = dict(self.fields.most_common())
        return {"count": self.total, "share": self.share(), "fields": fields}


class Tally:
    """Statistics of some rows of items or users. Tallies of neighboring rows can be joined.

    Args:
        features: the features, derived ones included.

    Attributes:
        num_rows: the number of rows.
    """

    def __init__(self, features: Mapping[str, Modality]):
        self.num_rows = 0
        self.counters = {name: modality.counter() for name, modality in features.items()}
        self.coverage = {name: Coverage() for name in features}

    def count(self, row: PackedRow) -> None:
        """Counts the values of a row, and those that are missing or invalid."""
        self.num_rows += 1
        for name, value in row.values.items():
            self.counters[name].count(value)
        for name in {name for name, _ in row.rejects}:
            self.coverage[name].count_rejected(has_valid=name in row.values)
        for name, path in row.not_found.items():
            self.coverage[name].count_not_found(path)
        for name, path in row.slashed.items():
            self.coverage[name].count_slashed(path)

    def state(self) -> dict[str, Any]:
        """Returns the counts, as JSON."""
        features = {
            name: {"values": counter.state(), "coverage": self.coverage[name].state()}
            for name, counter in self.counters.items()
        }
        return {"rows": self.num_rows, "features": features}

    def join(self, state: Mapping[str, Any]) -> None:
        """Adds the counts of another tally of the same features."""
        self.num_rows += state["rows"]
        for name, counter in self.counters.items():
            counter.merge(state["features"][name]["values"])
            self.coverage[name].merge(state["features"][name]["coverage"])

    def statistics(self, table: TableSource, rejects: Rejects, media: Path) -> dict[str, Any]:
        """Returns the entries of the features in statistics.json.

        Args:
            table: the table of the rows.
            rejects: all rejects of the table.
            media: the folder to which paths are relative.
        """
        statistics = {}
        for name, counter in self.counters.items():
            coverage = self.coverage[name]
            missing = self.num_rows - counter.present - coverage.invalid
            counts = {"missing": missing, **coverage.statistics(table, media)}
            statistics[name] = {**counter.statistics(), **counts}
            if coverage.rejected:
                statistics[name]["first_reject"] = rejects.first(table, [name])
        return statistics

    def vocabularies(self) -> dict[str, list[str]]:
        """Returns the vocabulary of each feature that has one, most frequent category first."""
        found = {name: counter.vocabulary() for name, counter in self.counters.items()}
        return {name: categories for name, categories in found.items() if categories is not None}
