"""Kinds of events, such as view and buy, and the weight of each."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfmmrec.data.interactions.events import Interactions
from tfmmrec.data.interactions.parsing import to_text
from tfmmrec.errors import BrokenValue, did_you_mean

_ADVICE = (
    "write the weight of each kind, such as {view: 0.1, buy: 1.0, skip: -1}: above 0 for a "
    "positive, below 0 for a dislike, 0 for neither"
)


@dataclasses.dataclass(frozen=True)
class EventKinds:
    """The kinds of the events of a log; their rows are in the order of `weights`.

    Attributes:
        weights: the weight of each kind: above 0 for a positive, below 0 for a dislike, 0 for
            neither. Empty for a log without kinds, all of whose positives have the weight 1.
    """

    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.weights)

    @property
    def names(self) -> list[str]:
        """The kinds by row."""
        return list(self.weights)

    @property
    def target_weight(self) -> float:
        """The largest weight: positives of this weight are the targets of valid and test."""
        return max(self.weights.values(), default=1.0)

    @property
    def target_names(self) -> list[str]:
        """The kinds of the largest weight."""
        return [name for name, weight in self.weights.items() if weight == self.target_weight]

    @property
    def are_weighted(self) -> bool:
        """Whether positives differ in their weights."""
        return len({weight for weight in self.weights.values() if weight > 0}) > 1

    @property
    def have_dislikes(self) -> bool:
        """Whether some kind is a dislike."""
        return any(weight < 0 for weight in self.weights.values())

    def row(self, raw: Any) -> int:
        """Parses a value of the table; returns the row of the kind.

        Raises:
            BrokenValue: the kind has no weight.
        """
        name = to_text(raw)
        if name in self.weights:
            return self.names.index(name)
        hint = did_you_mean(name, self.names)
        raise BrokenValue(
            f"unknown kind {name!r}{hint}; interactions.kinds has {', '.join(self.names)}: add it, "
            "with the weight 0 if it is to count for nothing"
        )

    def are_targets(self, events: Interactions) -> np.ndarray:
        """Returns which events can be targets of valid and test, bool `[events]`."""
        return events.positive & (events.weight >= np.float32(self.target_weight))


def parse_kinds(written: Any) -> EventKinds:
    """Parses the key `kinds`.

    Raises:
        ValueError: it gives no weights; the message says what to write.
    """
    if not isinstance(written, dict) or not written:
        raise ValueError(_ADVICE)
    for name, weight in written.items():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not math.isfinite(weight):
            raise ValueError(f"{name}: a weight must be a finite number; {_ADVICE}")
    if max(written.values()) <= 0:
        raise ValueError(f"one weight at least must be above 0; {_ADVICE}")
    return EventKinds({name.strip(): float(weight) for name, weight in written.items()})
