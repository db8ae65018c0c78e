"""Counters of the statistics that packing stores for a feature."""

import array
import collections
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_QUANTILES = np.linspace(0, 1, 17)


class FeatureCounter:
    """Counts the rows that have a value. Counters of neighboring rows can be merged.

    Attributes:
        present: the number of rows that have a value.
    """

    def __init__(self) -> None:
        self.present = 0

    def count(self, values: Sequence[Any]) -> None:
        """Counts the stored values of one row, which are present."""
        self.present += 1

    def state(self) -> dict[str, Any]:
        """Returns the counts, as JSON."""
        return {"present": self.present}

    def merge(self, state: Mapping[str, Any]) -> None:
        """Adds the counts of another counter of the same feature."""
        self.present += state["present"]

    def statistics(self) -> dict[str, Any]:
        """Returns the feature's entry in statistics.json."""
        return {"present": self.present}

    def vocabulary(self) -> list[str] | None:
        """Returns the vocabulary, most frequent category first, or None if there is none."""
        return None


class NumberCounter(FeatureCounter):
    """Also computes up to 17 distinct quantiles of the numbers, from minimum to maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = array.array("f")

    def count(self, values: Sequence[float]) -> None:
        super().count(values)
        self.numbers.extend(values)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "numbers": self.numbers.tolist()}

    def merge(self, state: Mapping[str, Any]) -> None:
        super().merge(state)
        self.numbers.extend(state["numbers"])

    def statistics(self) -> dict[str, Any]:
        quantiles = np.quantile(self.numbers or [0.0], _QUANTILES)
        return {**super().statistics(), "quantiles": [float(q) for q in np.unique(quantiles)]}


class CategoryCounter(FeatureCounter):
    """Also counts each category, and the maximum number of categories per row."""

    def __init__(self) -> None:
        super().__init__()
        self.categories: collections.Counter[str] = collections.Counter()
        self.max_values = 1

    def count(self, values: Sequence[bytes]) -> None:
        super().count(values)
        self.categories.update(category.decode() for category in values)
        self.max_values = max(self.max_values, len(values))

    def state(self) -> dict[str, Any]:
        counts = {"categories": self.categories, "max_values": self.max_values}
        return {**super().state(), **counts}

    def merge(self, state: Mapping[str, Any]) -> None:
        super().merge(state)
        self.categories.update(state["categories"])
        self.max_values = max(self.max_values, state["max_values"])

    def statistics(self) -> dict[str, Any]:
        counts = {"categories": len(self.categories), "max_values": self.max_values}
        return {**super().statistics(), **counts}

    def vocabulary(self) -> list[str]:
        counts = self.categories
        return sorted(counts, key=lambda category: (-counts[category], category.encode()))
