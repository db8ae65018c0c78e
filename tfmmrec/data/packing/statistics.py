"""Statistics of a packing job: counts per feature, and rejected rows and values."""

import collections
import json
from collections.abc import Mapping
from typing import Any, TextIO

from tfmmrec.data.tables.source import TableSource
from tfmmrec.errors import DataError
from tfmmrec.modalities import Modality


class Rejects:
    """Writes rejected rows and values to rejects.jsonl, and counts them by table and field.

    Attributes:
        total: the number of rejected rows and values.
        num_read: the number of rows read.
        fields: the number of rejects by "TABLE: FIELD".
        first: the first reject of each table, in one line.
    """

    def __init__(self, out: TextIO):
        self.out = out
        self.total = 0
        self.num_read = 0
        self.fields: collections.Counter[str] = collections.Counter()
        self.first: dict[str, str] = {}

    def add(self, table: TableSource, row: int, field: str | None, reason: str) -> None:
        """Adds a rejected row (without `field`) or value, with the row number of `read_chunks`."""
        part, row = table.locate(row)
        entry = {"table": part, "row": row, "field": field, "reason": reason}
        self.out.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.total += 1
        self.fields[f"{table.name}: {field or 'row'}"] += 1
        if table.name not in self.first:
            self.first[table.name] = f"first: {part} row {row}: {field or 'row'}: {reason}"

    def share(self) -> float:
        """Returns the rejects per row read; above 1 if rows have several invalid values."""
        return self.total / max(1, self.num_read)

    def no_valid_row(self, table: TableSource) -> DataError:
        """Returns the error for a table without a valid row, which quotes its first reject."""
        first = self.first.get(table.name, "it is empty")
        return DataError(f"{table.label}: no valid row; {first}")

    def statistics(self) -> dict[str, Any]:
        """Returns the entry of the rejects in statistics.json."""
        fields = dict(self.fields.most_common())
        return {"count": self.total, "share": self.share(), "fields": fields}


class Tally:
    """Statistics of some rows of items or users. Tallies of neighboring rows can be joined.

    Args:
        features: the features, derived ones included.
    """

    def __init__(self, features: Mapping[str, Modality]):
        self.counters = {name: modality.counter() for name, modality in features.items()}

    def count(self, values: Mapping[str, Any]) -> None:
        """Counts the stored values of one row; absent values are left out."""
        for name, value in values.items():
            self.counters[name].count(value)

    def state(self) -> dict[str, Any]:
        """Returns the counts by feature, as JSON."""
        return {name: counter.state() for name, counter in self.counters.items()}

    def join(self, state: Mapping[str, Any]) -> None:
        """Adds the counts of another tally of the same features."""
        for name, counter in self.counters.items():
            counter.merge(state[name])

    def statistics(self) -> dict[str, Any]:
        """Returns the entries of the features in statistics.json."""
        return {name: counter.statistics() for name, counter in self.counters.items()}

    def vocabularies(self) -> dict[str, list[str]]:
        """Returns the vocabulary of each feature that has one, most frequent category first."""
        found = {name: counter.vocabulary() for name, counter in self.counters.items()}
        return {name: categories for name, categories in found.items() if categories is not None}
