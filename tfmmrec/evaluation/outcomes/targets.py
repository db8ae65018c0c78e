"""The events of a split whose ratings and clicks are to be predicted."""

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
    """What is to be predicted, and what is known at that moment.

    Attributes:
        events: those that have such an outcome.
        histories: what each user chose before the split.
    """

    events: LabeledEvents
    histories: Histories

    def take(self, rows: np.ndarray) -> "OutcomeTargets":
        """Returns the events of some rows."""
        return dataclasses.replace(self, events=self.events.take(rows))

    def curve(self, name: str, predicted: np.ndarray) -> list[dict[str, float]]:
        """`calibration_curve` as `{"predicted", "observed", "events"}` a bin; none of a rating."""
        if name == "rating":
            return []
        columns = (own.tolist() for own in calibration_curve(self.events.clicked, predicted))
        names = ("predicted", "observed", "events")
        return [dict(zip(names, bin_, strict=True)) for bin_ in zip(*columns, strict=True)]

    def measure(self, name: str, predicted: np.ndarray) -> dict[str, float]:
        """The metrics of what was predicted for each event, by name."""
        if name == "rating":
            return rating_metrics(self.events.rating, predicted)
        return click_metrics(self.events.clicked, predicted)


def outcome_targets(bundle: ModelBundle, split: str) -> dict[str, OutcomeTargets]:
    """Collects what the outcomes of a model are measured by; without events, not at all.

    Where the log tells of choices only, an item that the user never chose stands beside each, drawn
    from those as new or as known as the chosen one, the same whenever it is asked for.
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
            events = with_unchosen(events, dataset.histories(SPLITS), dataset.cold_items)
        targets["click"] = OutcomeTargets(events, histories)
    return targets


def with_unchosen(events: LabeledEvents, done: Histories, cold: np.ndarray) -> LabeledEvents:
    """Adds to each event one with an item that its user never chose.

    Args:
        events: choices.
        done: all that users ever chose.
        cold: bool `[items]`; an item of the same kind is drawn.
    """
    generator = np.random.default_rng(0)
    parts = {kind: np.flatnonzero(cold == kind) for kind in (False, True)}
    items, kept = [], []
    for row, (user, item) in enumerate(zip(events.user, events.item, strict=True)):
        free = np.setdiff1d(parts[bool(cold[item])], done.of_user(user))
        if len(free):
            items.append(generator.choice(free))
            kept.append(row)
    drawn = events.take(np.array(kept, np.int64))
    drawn = dataclasses.replace(
        drawn,
        item=np.array(items, events.item.dtype),
        clicked=np.zeros(len(drawn), bool),
        rating=np.full(len(drawn), np.nan, np.float32),
    )
    columns = {
        field.name: np.concatenate([getattr(events, field.name), getattr(drawn, field.name)])
        for field in dataclasses.fields(LabeledEvents)
    }
    return LabeledEvents(**columns)


def predict_outcomes(
    scorer: Scorer, item_vectors: np.ndarray, targets: dict[str, OutcomeTargets]
) -> dict[str, np.ndarray]:
    """Predicts each outcome of its targets, `[events]` by name."""
    return {
        name: scorer.outcomes(
            item_vectors, target.histories, target.events.user, target.events.item
        )[name]
        for name, target in targets.items()
    }
