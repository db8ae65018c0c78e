"""Counters of the statistics that packing stores for a feature."""

import array
import collections
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_QUANTILES = np.linspace(0, 1, 17)
# The smallest normal float32: many devices read smaller numbers as 0.
_TINY = float(np.finfo(np.float32).tiny)
# float32 holds every whole number up to this one.
_LARGEST_EXACT = 2**24


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
    """Also computes up to 17 quantiles that float32 tells apart, from minimum to maximum.

    Whole numbers of more than 24 bits, such as dates (20200103) and Unix times, are rounded to
    float32, in which records and requests hold them. Their order is kept, and neighbors may become
    equal; `num_rounded` says of how many.
    """

    def __init__(self) -> None:
        super().__init__()
        self.numbers = array.array("f")
        self.num_rounded = 0

    def count(self, values: Sequence[float]) -> None:
        super().count(values)
        for number in values:
            self.numbers.append(number)
            if abs(number) > _LARGEST_EXACT:
                self.num_rounded += number != self.numbers[-1]

    def state(self) -> dict[str, Any]:
        numbers = {"numbers": self.numbers.tolist(), "rounded": self.num_rounded}
        return {**super().state(), **numbers}

    def merge(self, state: Mapping[str, Any]) -> None:
        super().merge(state)
        self.numbers.extend(state["numbers"])
        self.num_rounded += state["rounded"]

    def statistics(self) -> dict[str, Any]:
        rounded = {"rounded": self.num_rounded} if self.num_rounded else {}
        return {**super().statistics(), "quantiles": _quantiles(self.numbers), **rounded}


def _quantiles(numbers: Sequence[float]) -> list[float]:
    """Returns the distinct quantiles of float32 numbers, as float32 numbers.

    Interpolated in float64, where differences of large numbers do not overflow. Told apart in
    float32, where the encoder divides by their differences.
    """
    exact = np.quantile(np.asarray(numbers or [0.0], np.float64), _QUANTILES)
    distinct: list[float] = []
    for quantile in exact.astype(np.float32).tolist():
        quantile = quantile if abs(quantile) >= _TINY else 0.0
        if not distinct or quantile - distinct[-1] >= _TINY:
            distinct.append(quantile)
    return distinct


class CategoryCounter(FeatureCounter):
    """Also counts each category, and the maximum number of categories per row."""

    def __init__(self) -> None:
        super().__init__()
        self.categories: collections.Counter[str] = collections.Counter()
        self.max_values = 1

    def count(self, values: Sequence[bytes]) -> None:
        super().count(values)
        for category in values:
            self.categories[category.decode()] += 1
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
