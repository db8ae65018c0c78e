"""The metrics of each epoch of a training, and the best epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfmmrec.config.objective import Objective
from tfmmrec.data.storage import write_json


class TrainingHistory:
    """Collects an entry per epoch and remembers the best one.

    Args:
        objective: the metric on valid that defines the best epoch.
        folder: where `history.json` is written; None writes none.

    Attributes:
        epochs: of each epoch its number `epoch` from 1, its `loss`, and its metrics on valid.
        best: the entry of the best epoch; empty before the first.
        without_groups: of each epoch the objective on valid without each of several groups of
            users, from which a race estimates standard errors; empty lists outside of a race.
    """

    def __init__(self, objective: Objective, folder: Path | None = None):
        self.epochs: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {}
        self.without_groups: list[list[float]] = []
        self.objective = objective
        self._folder = folder

    def add(self, entry: dict[str, Any], without_groups: Sequence[float] = ()) -> bool:
        """Adds an epoch; returns whether it is the best so far, as it is without metrics on valid.

        Args:
            entry: as in `epochs`.
            without_groups: see the attribute (default none).
        """
        self.epochs.append(entry)
        self.without_groups.append(list(without_groups))
        worth = self.objective.worth
        is_best = self.objective.name not in entry or worth(entry) > worth(self.best)
        if is_best:
            self.best = entry
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_json(self._folder / "history.json", self.epochs)
        return is_best

    def state(self) -> dict[str, Any]:
        """The history as a part of a checkpoint's state."""
        return {"best": self.best, "history": self.epochs, "without_groups": self.without_groups}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continues from the history of a checkpoint."""
        self.epochs, self.best = state["history"], state["best"]
        self.without_groups = state["without_groups"]

    def epochs_without_improvement(self) -> int:
        """The number of epochs since the best one."""
        return self.epochs[-1]["epoch"] - self.best["epoch"] if self.epochs else 0
