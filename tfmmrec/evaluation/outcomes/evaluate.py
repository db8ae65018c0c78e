"""Evaluates predicted ratings and clicks, next to simple baselines."""

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
    """Measures the predictions of a model, and of baselines that are fitted to earlier splits.

    Args:
        bundle: the evaluated model with its data.
        split: `valid` or `test`.

    Returns:
        By outcome and by segment, `warm`, `cold` and `new_users`: `{"events": …, "model": {…},
        BASELINE: {…}, …, "calibration_curve": […]}`, None for a segment without events; see
        `OutcomeTargets.calibration_curve`. Empty for a model without such a task.
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
        for segment, rows, _ in by_segment(bundle.dataset, target.events):
            result[name][segment] = None
            if rows.any():
                own = target.take(rows)
                result[name][segment] = {
                    "events": int(rows.sum()),
                    **{who: own.measure(name, v[rows]) for who, v in predicted[name].items()},
                    "calibration_curve": own.calibration_curve(
                        name, predicted[name]["model"][rows]
                    ),
                }
    return result


def outcome_baselines(
    bundle: ModelBundle, name: str, target: OutcomeTargets, split: str
) -> dict[str, np.ndarray]:
    """Predicts an outcome by simple baselines, `[events]` by name."""
    train, events = bundle.dataset.outcomes(CONTEXT_SPLITS[split]), target.events
    if name == "rating":
        return {"biases": rating_biases(train, events), "mean": mean_rating(train, events)}
    sampled = samples_nonclicks(bundle)
    num_items = bundle.dataset.count("items")
    return {
        "popularity": popularity_rate(train, events, num_items, sampled_nonclicks=sampled),
        "rate": click_rate(train, events, share=0.5 if sampled else None),
    }
