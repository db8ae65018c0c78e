"""Tunes the weights of a late fusion after training: a run becomes a run with other weights."""

import dataclasses
import json
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.config.objective import Objective
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.storage import atomic_folder, refuse_existing
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.validation import Validation
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.run_file import read_run
from tfmmrec.models.run_folder import load_run, save_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.tuning.late_fusion.fold_weights import fold
from tfmmrec.tuning.late_fusion.member_scores import MemberScores
from tfmmrec.tuning.late_fusion.requirements import check_config, check_options, late_fusion_of
from tfmmrec.tuning.late_fusion.score_cache import MAX_SCORES, cache_scores
from tfmmrec.tuning.late_fusion.search import WeightSearch, search_weights

# The key of the result in run.json, under `metrics`.
RESULT = "tuned_fusion"

_HISTORY = "history.json"
_WEIGHTS = "weights.jsonl"


def tune_fusion(
    run: Path,
    out: Path,
    *,
    tuner: str = "bayesian",
    trials: int = 100,
    objective: str = "ndcg@10",
    seed: int = 0,
    max_scores: int = MAX_SCORES,
    quiet: bool = False,
) -> dict[str, Any]:
    """Searches the weights of a trained late fusion and writes a run with the best ones.

    The scores of each modality are computed once; a trial is one weighted sum of them. The weights
    of the run stay unless the new ones are better by more than one standard error of the
    difference. Among many weights that are equally good, some are better on the events of the
    search by chance. For the same reason, the gain on valid overestimates the gain on test.

    Args:
        run: the run folder of a training with `fusion: {kind: late, decision: weighted}` that was
            not trained on the valid split (`refit: false`).
        out: the run folder to write: a copy of `run` whose config contains the weights as fixed
            values, with the trials in `weights.jsonl`.
        tuner: `bayesian` or `random`.
        trials: number of trials, at least 10; the weights of the run and equal weights are two.
        objective: the metric on valid: `hr@K`, `ndcg@K` or `mrr`.
        seed: of the search, and of the sample of users if there are too many scores.
        max_scores: maximum number of scores in memory.
        quiet: no messages.

    Returns:
        The content of `metrics.tuned_fusion` in run.json: the objective `before` and `after`, the
        `weights`, the `initial_weights` of the run, the `searched_weights`, the `influence` of each
        member, and the numbers of `events`, `trials` and `seconds`.

    Raises:
        ConfigError: an option is unknown, or the run has no weighted late fusion.
        DataError: the weights of the run cannot be searched.
    """
    spec = check_options(tuner, trials, objective)
    check_config(Path(run))
    refuse_existing(Path(out))
    bundle = load_run(run, quiet=True)
    initial = late_fusion_of(bundle, Path(run)).current_weights().numpy()
    targets = targets_of(bundle.dataset, "valid", with_times=bundle.model.reads_times)
    before = _valid_metrics(bundle, spec)

    start = time.monotonic()
    scores = cache_scores(bundle, targets, seed=seed, max_scores=max_scores)
    cached = time.monotonic()
    if len(scores.user) < len(targets.user) and not quiet:
        print(
            f"tfmmrec: the search uses {len(scores.user)} of {len(targets.user)} events; the scores"
            " of all do not fit into memory",
            file=sys.stderr,
        )
    starts = [initial, np.full(len(initial), 1.0 / len(initial))]
    search = search_weights(scores, spec, starts, tuner=tuner, trials=trials, seed=seed)
    searched = time.monotonic()
    gain, error = _gain(search, scores.user)
    weights = search.weights if gain > error else initial
    bundle, after = _with_weights(bundle, _by_name(scores, weights), spec)
    if spec.worth(after) < spec.worth(before):
        # The search saw a sample of the events; on all of them, the weights of the run are better.
        weights = initial
        bundle, after = _with_weights(bundle, _by_name(scores, weights), spec)
    result = {
        "source_run": str(Path(run).resolve()),
        "objective": spec.name,
        "before": before[spec.name],
        "after": after[spec.name],
        "standard_error": error,
        "weights": _by_name(scores, weights),
        "initial_weights": _by_name(scores, initial),
        "searched_weights": _by_name(scores, search.weights),
        # Comparable between members, whose scores have different scales.
        "influence": _by_name(scores, _influence(weights, scores).round(4)),
        "events": len(scores.user),
        "trials": len(search.trials.weights),
        "seconds": {
            "scores": round(cached - start, 1),
            "search": round(searched - cached, 1),
        },
    }
    _write_run(Path(run), Path(out), bundle, after, result, _trial_lines(search, scores, spec))
    return result


def _valid_metrics(bundle: ModelBundle, objective: Objective) -> dict[str, float]:
    """The metrics on valid, the objective of the search among them; see `Validation`."""
    config = dataclasses.replace(bundle.config, objective=objective.name)
    scorer = Scorer(bundle.model)
    validation = Validation(dataclasses.replace(bundle, config=config), scorer)
    return {**validation.metrics(scorer.item_vectors()), **validation.drawn}


def _with_weights(
    bundle: ModelBundle, weights: Mapping[str, float], objective: Objective
) -> tuple[ModelBundle, dict[str, float]]:
    """The model with some weights, and its metrics on valid."""
    folded = fold(bundle, weights)
    return folded, _valid_metrics(folded, objective)


def _gain(search: WeightSearch, users: np.ndarray) -> tuple[float, float]:
    """The gain of the weights over those of the first trial, and its standard error.

    Events of one user are correlated, so the error is over the sums per user.
    """
    gains = search.values - search.trials.values[0]
    deviations = np.bincount(users, gains - gains.mean())
    return float(gains.mean()), float(np.sqrt(np.sum(deviations**2)) / len(gains))


def _influence(weights: np.ndarray, scores: MemberScores) -> np.ndarray:
    influence = weights * scores.spread()
    return influence / influence.sum()


def _by_name(scores: MemberScores, values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(scores.names, values, strict=True)}


def _trial_lines(
    search: WeightSearch, scores: MemberScores, objective: Objective
) -> list[dict[str, Any]]:
    """The lines of `weights.jsonl`: weights and metric of each trial."""
    pairs = zip(search.trials.weights, search.trials.values, strict=True)
    return [
        {
            "trial": trial,
            "weights": _by_name(scores, weights.round(6)),
            objective.name: float(values.mean()),
        }
        for trial, (weights, values) in enumerate(pairs)
    ]


def _write_run(
    run: Path,
    out: Path,
    bundle: ModelBundle,
    metrics: Mapping[str, float],
    result: Mapping[str, Any],
    lines: list[dict[str, Any]],
) -> None:
    trained = read_run(run)
    # The config of the training, without the changes that `load_run` made to measure.
    config = TrainConfig(**{**trained["config"], "fusion": bundle.config.fusion})
    epoch = {name: trained["metrics"][name] for name in ("epoch",) if name in trained["metrics"]}
    with atomic_folder(out) as folder:
        if (run / _HISTORY).is_file():
            shutil.copy(run / _HISTORY, folder / _HISTORY)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / _WEIGHTS).write_text(text, encoding="utf-8")
        whole = dataclasses.replace(bundle, config=config)
        save_run(folder, whole, {**epoch, **metrics, RESULT: dict(result)})
