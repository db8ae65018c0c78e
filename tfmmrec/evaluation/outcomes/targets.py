"""The events of a split whose ratings and clicks are predicted."""

import dataclasses

import numpy as np

from tfmmrec.data.histories import Histories
from tfmmrec.data.holdout import context_of, holdout_outcomes
from tfmmrec.data.interactions import SPLITS
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.evaluation.metrics.outcomes import calibration_curve, click_metrics, rating_metrics
from tfmmrec.models.bundle import ModelBundle, samples_nonclicks
from tfmmrec.models.scorer import Scorer


@dataclasses.dataclass(frozen=True)
class OutcomeTargets:
    """Events with an outcome (rating or click) to predict, and the histories before them.

    Attributes:
        events: the events with such an outcome.
        histories: the history of each user before the split.
    """

    events: LabeledEvents
    histories: Histories

    def take(self, rows: np.ndarray) -> "OutcomeTargets":
        """Returns some of the events, by their rows."""
        return dataclasses.replace(self, events=self.events.take(rows))

    def calibration_curve(self, name: str, predicted: np.ndarray) -> list[dict[str, float]]:
        """The calibration curve of clicks, `{"predicted", "observed", "events"}` per bin.

        Empty for ratings.
        """
        if name == "rating":
            return []
        columns = (own.tolist() for own in calibration_curve(self.events.clicked, predicted))
        names = ("predicted", "observed", "events")
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def measure(self, name: str, predicted: np.ndarray) -> dict[str, float]:
        """Computes the metrics of the predictions, `[events]`, by name."""
        if name == "rating":
            return rating_metrics(self.events.rating, predicted)
        return click_metrics(self.events.clicked, predicted)


def outcome_targets(bundle: ModelBundle, split: str) -> dict[str, OutcomeTargets]:
    """Collects the events of each outcome of a model, by name; only outcomes that have events.

    If the log has positives only, one non-click is sampled for each positive: an item that the user
    has no event with, cold-start or warm as the positive item. The sample is always the same.
    """
    task, dataset = bundle.model.rating_click, bundle.dataset
    if task is None:
        return {}
    events = holdout_outcomes(dataset, split)
    histories = context_of(dataset, split, with_times=bundle.model.reads_times)
    targets = {}
    if "rating" in task.heads and events.rated.any():
        targets["rating"] = OutcomeTargets(events.take(events.rated), histories)
    if "click" in task.heads and len(events):
        if samples_nonclicks(bundle):
            events = add_nonclicks(events, dataset.histories(SPLITS), dataset.cold_items)
        targets["click"] = OutcomeTargets(events, histories)
    return targets


def add_nonclicks(events: LabeledEvents, histories: Histories, cold: np.ndarray) -> LabeledEvents:
    """Adds a sampled non-click for each event.

    Args:
        events: positives.
        histories: all events of each user.
        cold: bool `[items]`, the cold-start items; the sampled item is cold-start if that of the
            event is.
    """
    generator = np.random.default_rng(0)
    pools = {is_cold: np.flatnonzero(cold == is_cold) for is_cold in (False, True)}
    items, rows = [], []
    for row, (user, item) in enumerate(zip(events.user, events.item, strict=True)):
        candidates = np.setdiff1d(pools[bool(cold[item])], histories.of_user(user))
        if len(candidates):
            items.append(generator.choice(candidates))
            rows.append(row)
    sampled = events.take(np.array(rows, np.int64))
    sampled = dataclasses.replace(
        sampled,
        item=np.array(items, events.item.dtype),
        clicked=np.zeros(len(sampled), bool),
        rating=np.full(len(sampled), np.nan, np.float32),
    )
    columns = {
        field.name: np.concatenate([getattr(events, field.name), getattr(sampled, field.name)])
        for field in dataclasses.fields(LabeledEvents)
    }
    return LabeledEvents(**columns)


def predict_outcomes(
    scorer: Scorer, item_vectors: np.ndarray, targets: dict[str, OutcomeTargets]
) -> dict[str, np.ndarray]:
    """Predicts each outcome for its events, `[events]` by name."""
    return {
        name: scorer.outcomes(
            item_vectors, target.histories, target.events.user, target.events.item
        )[name]
        for name, target in targets.items()
    }
