"""What packing counts as it goes: each feature of a side, and what is broken."""

import collections
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from tfmmrec.modalities import Categorical, Modality, Number


class Rejects:
    """Writes what is broken to rejects.jsonl, and counts it by table and reason."""

    def __init__(self, out: TextIO):
        self.out = out
        self.total = 0
        self.num_read = 0
        self.fields: collections.Counter[str] = collections.Counter()

    def add(self, table: Path, row: int, field: str | None, reason: str) -> None:
        entry = {"table": table.name, "row": row, "field": field, "reason": reason}
        self.out.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.total += 1
        self.fields[f"{table.name}: {field or 'row'}"] += 1

    def share(self) -> float:
        """The rejects among all rows and media read, from 0 to 1."""
        return self.total / max(1, self.num_read)


class Side:
    """One side's rows as they are packed: ids in order, and what is counted of each feature."""

    def __init__(self, name: str, features: Mapping[str, Modality]):
        self.name = name
        self.features = features
        self.rows: dict[str, int] = {}
        self.present = dict.fromkeys(features, 0)
        self.numbers: dict[str, list[float]] = {
            name: [] for name, modality in features.items() if isinstance(modality, Number)
        }
        self.categories: dict[str, collections.Counter[bytes]] = {
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
                self.categories[name].update(value)
                self.most_values[name] = max(self.most_values[name], len(value))

    def statistics(self) -> dict[str, Any]:
        """What later stages need to know of the side, as JSON."""
        features: dict[str, Any] = {}
        for name in self.features:
            features[name] = {"present": self.present[name]}
            if name in self.numbers:
                quantiles = np.quantile(self.numbers[name] or [0.0], np.linspace(0, 1, 17))
                features[name]["quantiles"] = [float(q) for q in np.unique(quantiles)]
            if name in self.categories:
                features[name]["categories"] = len(self.categories[name])
                features[name]["most_values"] = self.most_values[name]
        return {"count": len(self.rows), "features": features}
