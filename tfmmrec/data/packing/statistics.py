"""What packing counts as it goes: each feature of a side, and what is broken."""

import array
import collections
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from tfmmrec.errors import DataError
from tfmmrec.modalities import Categorical, Modality, Number


class Rejects:
    """What is broken, written to rejects.jsonl and counted by table and field.

    Attributes:
        total: how many rows and values are broken.
        num_read: how many rows were read.
        fields: rejects by "TABLE: FIELD".
        first: the first reject of each table, as one line.
    """

    def __init__(self, out: TextIO):
        self.out = out
        self.total = 0
        self.num_read = 0
        self.fields: collections.Counter[str] = collections.Counter()
        self.first: dict[str, str] = {}

    def add(self, table: Path, row: int, field: str | None, reason: str) -> None:
        """Adds one broken row (no field) or value."""
        entry = {"table": table.name, "row": row, "field": field, "reason": reason}
        self.out.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.total += 1
        self.fields[f"{table.name}: {field or 'row'}"] += 1
        if table.name not in self.first:
            self.first[table.name] = f"first: {table.name} row {row}: {field or 'row'}: {reason}"

    def share(self) -> float:
        """The rejects for each row read; above 1 where rows have several broken values."""
        return self.total / max(1, self.num_read)

    def no_usable_row(self, table: Path) -> DataError:
        """Returns the error of a table that gave nothing, with what is broken first in it."""
        first = self.first.get(table.name, "it holds none")
        return DataError(f"{table}: no row can be used; {first}")

    def statistics(self) -> dict[str, Any]:
        """What statistics.json says of them."""
        fields = dict(self.fields.most_common())
        return {"count": self.total, "share": self.share(), "fields": fields}


class Tally:
    """What is counted of some rows of one side; tallies of neighbouring rows can be joined.

    Args:
        features: the side's features, derived ones among them.
    """

    def __init__(self, features: Mapping[str, Modality]):
        self.features = features
        self.present = dict.fromkeys(features, 0)
        self.numbers = {
            name: array.array("f")
            for name, modality in features.items()
            if isinstance(modality, Number)
        }
        self.categories: dict[str, collections.Counter[str]] = {
            name: collections.Counter()
            for name, modality in features.items()
            if isinstance(modality, Categorical)
        }
        self.most_values = dict.fromkeys(self.categories, 1)

    def count(self, values: Mapping[str, Any]) -> None:
        """Counts the values of one row, absent ones left out."""
        for name, value in values.items():
            self.present[name] += 1
            if name in self.numbers:
                self.numbers[name].extend(value)
            if name in self.categories:
                self.categories[name].update(category.decode() for category in value)
                self.most_values[name] = max(self.most_values[name], len(value))

    def state(self) -> dict[str, Any]:
        """Returns what was counted, as JSON."""
        return {
            "present": self.present,
            "numbers": {name: numbers.tolist() for name, numbers in self.numbers.items()},
            "categories": self.categories,
            "most_values": self.most_values,
        }

    def join(self, state: Mapping[str, Any]) -> None:
        """Adds what another tally of the same features counted."""
        for name in self.features:
            self.present[name] += state["present"][name]
        for name, numbers in self.numbers.items():
            numbers.extend(state["numbers"][name])
        for name, counted in self.categories.items():
            counted.update(state["categories"][name])
            self.most_values[name] = max(self.most_values[name], state["most_values"][name])

    def statistics(self) -> dict[str, Any]:
        """What later stages need to know of the features, as JSON."""
        features: dict[str, Any] = {}
        for name in self.features:
            features[name] = {"present": self.present[name]}
            if name in self.numbers:
                quantiles = np.quantile(self.numbers[name] or [0.0], np.linspace(0, 1, 17))
                features[name]["quantiles"] = [float(q) for q in np.unique(quantiles)]
            if name in self.categories:
                features[name]["categories"] = len(self.categories[name])
                features[name]["most_values"] = self.most_values[name]
        return features

    def vocabularies(self) -> dict[str, list[str]]:
        """The categories of each categorical feature, the most frequent first."""
        return {
            name: sorted(counted, key=lambda category: (-counted[category], category.encode()))
            for name, counted in self.categories.items()
        }
