"""How well a run predicts ratings and clicks, beside simple baselines."""

from typing import Any

import numpy as np

from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.evaluation.baselines.outcomes import (
    click_rate,
    mean_rating,
    popularity_rate,
    rating_biases,
)
from tfmmrec.evaluation.outcomes.targets import OutcomeTargets, outcome_targets, predict_outcomes
from tfmmrec.evaluation.ranking.targets import by_segment
from tfmmrec.models.bundle import ModelBundle, samples_nonclicks
from tfmmrec.models.scorer import Scorer


def measure_outcomes(bundle: ModelBundle, split: str) -> dict[str, Any]:
    """Measures what a model predicts, and what baselines do that know all before the split.

    Returns:
        By outcome and by part, `warm`, `cold` and `new_users`, `{"events": …, "model": {…},
        baseline: {…}, …, "curve": […]}`, None without such events; `curve` is what the model says
        and what comes, see `OutcomeTargets.curve`. Nothing in a model without such a task.
    """
    targets = outcome_targets(bundle, split)
    if not targets:
        return {}
    scorer = Scorer(bundle.model)
    vectors = scorer.item_vectors()
    predicted = {
        name: {"model": values, **outcome_baselines(bundle, name, targets[name], split)}
        for name, values in predict_outcomes(scorer, vectors, targets).items()
    }
    result: dict[str, Any] = {}
    for name, target in targets.items():
        result[name] = {}
        for part, rows, _ in by_segment(bundle.dataset, target.events):
            result[name][part] = None
            if rows.any():
                own = target.take(rows)
                result[name][part] = {
                    "events": int(rows.sum()),
                    **{who: own.measure(name, v[rows]) for who, v in predicted[name].items()},
                    "curve": own.curve(name, predicted[name]["model"][rows]),
                }
    return result


def outcome_baselines(
    bundle: ModelBundle, name: str, target: OutcomeTargets, split: str
) -> dict[str, np.ndarray]:
    """What simple predictors that know all before a split say, `[events]` by name."""
    train, events = bundle.dataset.outcomes(CONTEXT_SPLITS[split]), target.events
    if name == "rating":
        return {"biases": rating_biases(train, events), "mean": mean_rating(train, events)}
    drawn = samples_nonclicks(bundle)
    num_items = bundle.dataset.count("items")
    return {
        "popularity": popularity_rate(train, events, num_items, drawn=drawn),
        "rate": click_rate(train, events, share=0.5 if drawn else None),
    }
