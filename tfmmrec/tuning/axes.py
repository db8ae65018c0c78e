"""Hyperparameters as axes: the position of a value in its range."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tfmmrec.tuning.best_trial import Trial
from tfmmrec.tuning.formatting import format_value

# The position, below the axis, of a trial in which the hyperparameter is inactive.
OFF = -0.2


@dataclasses.dataclass(frozen=True)
class Axis:
    """An axis from 0 to 1.

    Attributes:
        name: of the hyperparameter.
        choices: the values of a choice, at equal distances; empty for a range.
        ends: the minimum and maximum of a range.
        log: whether the axis is logarithmic.
    """

    name: str
    choices: tuple[Any, ...] = ()
    ends: tuple[float, float] = (0.0, 1.0)
    log: bool = False

    @property
    def is_categorical(self) -> bool:
        """Whether the values have no order."""
        return any(isinstance(value, str) for value in self.choices)

    def position(self, values: Mapping[str, Any]) -> float:
        """The position of a trial with these values; `OFF` if the hyperparameter is inactive."""
        value = values.get(self.name)
        if value is None:
            return OFF
        if self.choices:
            return self.choices.index(value) / max(len(self.choices) - 1, 1)
        low, high = self._scaled(self.ends[0]), self._scaled(self.ends[1])
        return (self._scaled(value) - low) / (high - low) if high > low else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        """Positions with their labels: all choices, or the ends and the middle of a range."""
        if self.choices:
            return [
                (self.position({self.name: value}), format_value(value)) for value in self.choices
            ]
        low, high = self.ends
        middle = math.sqrt(low * high) if self.log else (low + high) / 2
        return [
            (self.position({self.name: value}), format_value(value))
            for value in (low, middle, high)
        ]

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else value


def axis_of(described: Mapping[str, Any], trials: Sequence[Trial]) -> Axis:
    """The axis of a hyperparameter, extended to values of trials outside of its range.

    Args:
        described: its name, type and range, from `describe`.
        trials: with `values` of the hyperparameter.
    """
    name = described["name"]
    seen = [t["values"][name] for t in trials if t["values"].get(name) is not None]
    if described["type"] in ("int", "float"):
        ends = [described["min"], described["max"], *seen]
        log = described.get("sampling") == "log" and min(ends) > 0
        return Axis(name, ends=(min(ends), max(ends)), log=log)
    declared = [False, True] if described["type"] == "boolean" else described["values"]
    choices = list(dict.fromkeys([*declared, *seen]))
    if all(isinstance(value, int | float) for value in choices):
        choices.sort()
    return Axis(name, tuple(choices))


def varying(space: Sequence[Mapping[str, Any]], trials: Sequence[Trial]) -> list[Axis]:
    """The axes on which the trials have different positions, in the order of the space."""
    axes = [axis_of(described, trials) for described in space if described["type"] != "fixed"]
    return [axis for axis in axes if len({axis.position(t["values"]) for t in trials}) > 1]
