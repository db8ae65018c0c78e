"""The training events of a model, and what the model keeps of them."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.interactions import concatenate
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.models.task_factory import task_weights
from tfmmrec.tasks.rating_click import RatingScale

_ARRAYS = ("counts", "known_users", "labeled_items", "labeled_users", "never_chosen")


class TrainingEvents:
    """The training events of a config, read from the data folder when they are first used.

    Args:
        dataset: the data folder.
        config: names the splits and the tasks.
        with_times: whether the histories have times.
    """

    def __init__(self, dataset: Dataset, config: TrainConfig, *, with_times: bool):
        self._dataset = dataset
        self._config = config
        self._with_times = with_times

    @functools.cached_property
    def histories(self) -> Histories:
        """The items of each user's training events, with weights if positives differ in them."""
        return self._dataset.histories(
            self._config.train_splits,
            with_times=self._with_times,
            with_weights=self._dataset.schema.kinds.are_weighted,
        )

    @functools.cached_property
    def with_ratings(self) -> Histories:
        """The items that each user chose or rated, until the last positive of training."""
        if not self._dataset.schema.has_rating:
            return self.histories
        events = concatenate([self._dataset.events(name) for name in self._config.train_splits])
        num_users = self._dataset.count("users")
        last = np.full(num_users, -1)
        np.maximum.at(last, events.user[events.positive], events.order[events.positive])
        return Histories.of(events.take(events.read_before(last)), num_users)

    @functools.cached_property
    def dislikes(self) -> Histories | None:
        """The items that each user disliked in training; None if nobody disliked any."""
        if not self._dataset.schema.kinds.have_dislikes:
            return None
        found = self._dataset.dislikes(self._config.train_splits)
        return found if len(found.items) else None

    @functools.cached_property
    def outcomes(self) -> LabeledEvents:
        """The training events with labels for rating and click; empty without such a task."""
        outcomes, weights = self._all_outcomes, self.task_weights
        if "click" not in weights:
            outcomes = outcomes.take(outcomes.rated & ("rating" in weights))
        return outcomes

    @functools.cached_property
    def task_weights(self) -> dict[str, float]:
        """The weights of the losses by name: retrieval, rating, click."""
        return task_weights(self._config, self._all_outcomes)

    @functools.cached_property
    def _all_outcomes(self) -> LabeledEvents:
        return self._dataset.outcomes(self._config.train_splits)


@dataclasses.dataclass(frozen=True)
class TrainingStatistics:
    """What a model keeps of its training events; a run stores it.

    Attributes:
        counts: number of training events of each item, int64 `[items]`.
        known_users: bool `[users]`, users with training events.
        labeled_items: bool `[items]`, items with events that have labels for rating or click.
        labeled_users: bool `[users]`, likewise.
        never_chosen: bool `[items]`, items that the retrieval task could have seen in a training
            event and did not; none without that task.
        task_weights: the weights of the losses by name: retrieval, rating, click.
        rating_scale: of the training events; None without the rating task.
    """

    counts: np.ndarray
    known_users: np.ndarray
    labeled_items: np.ndarray
    labeled_users: np.ndarray
    never_chosen: np.ndarray
    task_weights: dict[str, float]
    rating_scale: RatingScale | None = None

    @classmethod
    def of(cls, events: TrainingEvents, withheld: np.ndarray) -> "TrainingStatistics":
        """Collects the statistics of training events.

        Args:
            events: the training events.
            withheld: bool `[items]`, cold-start items, which no training event could have.
        """
        num_items = len(withheld)
        weights, outcomes = events.task_weights, events.outcomes
        num_users = len(events.histories.offsets) - 1
        counts = events.histories.counts(num_items)
        known_users = np.diff(events.histories.offsets) > 0
        of_items = np.bincount(outcomes.item, minlength=num_items)
        labeled_users = np.bincount(outcomes.user, minlength=num_users) > 0
        never_chosen = (counts == 0) & ~withheld
        if "retrieval" not in weights:
            # Rating and click are trained on negative events as well.
            counts, known_users, never_chosen = of_items, labeled_users, np.zeros_like(never_chosen)
        scale = RatingScale.of(outcomes.rating) if "rating" in weights else None
        return cls(counts, known_users, of_items > 0, labeled_users, never_chosen, weights, scale)

    def save(self, folder: Path) -> dict[str, Any]:
        """Writes the arrays into a folder, and returns the rest as JSON."""
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        scale = self.rating_scale
        return {
            "task_weights": self.task_weights,
            "rating_scale": None if scale is None else dataclasses.asdict(scale),
        }

    @classmethod
    def load(cls, folder: Path, rest: dict[str, Any]) -> "TrainingStatistics":
        """Reads what `save` has written; `rest` is what it returned."""
        arrays = {name: np.load(folder / f"{name}.npy") for name in _ARRAYS}
        scale = rest["rating_scale"]
        return cls(
            **arrays,
            task_weights=rest["task_weights"],
            rating_scale=None if scale is None else RatingScale(**scale),
        )
