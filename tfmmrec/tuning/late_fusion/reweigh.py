"""Reweighing: a run of late fusion becomes another one, with weights that suit the valid split."""

import dataclasses
import json
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.config.checks import check_count
from tfmmrec.config.objective import Objective, objective_of
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.storage import refuse_existing, whole_folder
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.validation import Validation
from tfmmrec.layers.fusion import LateFusion
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.run_folder import load_run, read_run, save_run
from tfmmrec.tuning.late_fusion.fold_weights import fold
from tfmmrec.tuning.late_fusion.member_scores import MemberScores
from tfmmrec.tuning.late_fusion.score_cache import MOST_SCORES, cache_scores
from tfmmrec.tuning.late_fusion.search import TUNERS, Found, search_weights

_HISTORY = "history.json"
_WEIGHTS = "weights.jsonl"


def reweigh(
    run: Path,
    out: Path,
    *,
    tuner: str = "bayesian",
    trials: int = 100,
    objective: str = "ndcg@10",
    seed: int = 0,
    most: int = MOST_SCORES,
    quiet: bool = False,
) -> dict[str, Any]:
    """Searches the weights of a trained late fusion, and writes a run that has the best.

    The scores of each modality are worked out once; a trial is then one weighted sum of them. The
    weights that are found are those of the run where no others are better by one standard error of
    the difference: of many that are as good, some are better on the events that chose them. For the
    same reason what the metric gains there is more than may be hoped for on others, such as test.

    Args:
        run: the run folder of a training with `fusion: {kind: late, decision: weighted}`, which has
            not seen the valid split (`refit: false`).
        out: the run folder to write. It is like `run`, with fixed weights in its config, and with
            the trials in `weights.jsonl`.
        tuner: `bayesian` or `random`.
        trials: how many weights are tried, those of the run and equal ones among them.
        objective: the metric on valid: `hr@K`, `ndcg@K` or `mrr`.
        seed: of the search, and of whose events are taken where there are too many.
        most: how many scores are kept at most.
        quiet: no lines.

    Returns:
        What run.json has under `reweighed`.

    Raises:
        ConfigError: an option is unknown.
        DataError: the run does not serve.
    """
    objective_spec = _check_options(tuner, trials, objective)
    _check_config(Path(run))
    refuse_existing(Path(out))
    bundle = load_run(run, quiet=True)
    fusion = _fusion_of(bundle, Path(run))
    targets = targets_of(bundle.dataset, "valid", timed=bundle.reads_times)
    before = _measured(bundle, objective_spec)
    present = fusion.current_weights().numpy()

    start = time.monotonic()
    scores = cache_scores(bundle, targets, seed=seed, most=most)
    cached = time.monotonic()
    if len(scores.user) < len(targets.user) and not quiet:
        print(
            f"tfmmrec: {len(scores.user)} of {len(targets.user)} events are searched by; the scores"
            " of all would not fit",
            file=sys.stderr,
        )
    starts = [present, np.full(len(present), 1.0 / len(present))]
    found = search_weights(scores, objective_spec, starts, tuner=tuner, trials=trials, seed=seed)
    searched = time.monotonic()
    error, weights = _chosen(found, present, scores.user)
    bundle, after = _with_weights(bundle, _named(scores, weights), objective_spec)
    if objective_spec.worth(after) < objective_spec.worth(before):
        # The events that were left aside think otherwise.
        weights = present
        bundle, after = _with_weights(bundle, _named(scores, weights), objective_spec)
    told = {
        "from": str(Path(run).resolve()),
        "objective": objective_spec.name,
        "before": before[objective_spec.name],
        "after": after[objective_spec.name],
        "standard_error": error,
        "weights": _named(scores, weights),
        "present": _named(scores, present),
        "found": _named(scores, found.weights),
        # What weights count for, whatever the scale of a member's scores is.
        "influence": _named(scores, _influence(weights, scores).round(4)),
        "events": len(scores.user),
        "trials": len(found.tried.weights),
        "seconds": {
            "scores": round(cached - start, 1),
            "search": round(searched - cached, 1),
        },
    }
    _write(Path(run), Path(out), bundle, after, told, found, scores)
    return told


def print_reweighed(out: Path, told: Mapping[str, Any]) -> None:
    """Prints what `reweigh` returned."""
    metric, error, seconds = told["objective"], told["standard_error"], told["seconds"]
    print(
        f"{out}: {metric} on valid {told['before']:.4f} -> {told['after']:.4f}, of the "
        f"{told['events']} events that chose the weights; scores in {seconds['scores']} s, "
        f"{told['trials']} trials in {seconds['search']} s"
    )
    if told["weights"] == told["present"]:
        print(f"  the weights stay: none were better by more than the standard error, {error:.4f}")
    print(f"  {'':16} {'before':>8} {'after':>8} {'counts for':>11}")
    for name, weight in told["weights"].items():
        before, counts = told["present"][name], told["influence"][name]
        print(f"  {name:16} {before:8.3f} {weight:8.3f} {counts:11.1%}")


def _check_options(tuner: str, trials: int, objective: str) -> Objective:
    if tuner not in TUNERS:
        raise ConfigError(f"tuner: unknown {tuner!r}; there are {', '.join(TUNERS)}")
    try:
        # A picture of the trials needs some beside those that are always tried.
        check_count("trials", trials, 10)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return objective_of("retrieval", objective)


def _check_config(run: Path) -> None:
    """Refuses by its config, before anything is loaded, a run whose weights cannot be searched."""
    config = read_run(run)["config"]
    fusion = config.get("fusion") or {}
    if fusion.get("kind") != "late" or fusion.get("decision", "weighted") != "weighted":
        kind = " ".join(str(fusion[k]) for k in ("kind", "decision") if k in fusion)
        raise ConfigError(
            f"{run}: only a weighted late fusion has weights that can be searched after training; "
            f"train with fusion.kind late. Received: {kind}"
        )
    if config.get("refit", True):
        raise DataError(
            f"{run}: split valid: the model was trained on it (refit); train with refit false"
        )


def _fusion_of(bundle: ModelBundle, run: Path) -> LateFusion:
    fusion = bundle.model.item_tower.fusion
    if not isinstance(fusion, LateFusion) or len(fusion.names) < 2:
        raise DataError(
            f"{run}: there is nothing to weigh; the fusion has one member: "
            f"{', '.join(fusion.names) or 'id'}"
        )
    if not bundle.model.scores_by_product:
        raise DataError(f"{run}: was not taught to rank; train with task retrieval or joint")
    if not bundle.dataset.has_valid("retrieval"):
        raise DataError(
            f"{bundle.dataset.folder}: has no valid split to search by; give the dataset file a "
            "split"
        )
    return fusion


def _measured(bundle: ModelBundle, objective: Objective) -> dict[str, float]:
    """The metrics on valid, the one that is searched by among them."""
    config = dataclasses.replace(bundle.config, objective=objective.name)
    scorer = bundle.scorer()
    validation = Validation(dataclasses.replace(bundle, config=config), scorer)
    return validation.metrics(scorer.item_vectors())


def _chosen(found: Found, present: np.ndarray, users: np.ndarray) -> tuple[float, np.ndarray]:
    """The standard error of what is gained, and what was found where the gain is above it."""
    gain, error = _gain(found, users)
    return error, found.weights if gain > error else present


def _with_weights(
    bundle: ModelBundle, weights: Mapping[str, float], objective: Objective
) -> tuple[ModelBundle, dict[str, float]]:
    """The model with some weights, and its metrics on valid."""
    folded = fold(bundle, weights)
    return folded, _measured(folded, objective)


def _gain(found: Found, users: np.ndarray) -> tuple[float, float]:
    """By how much what was found is better than the first trial, and the standard error of that.

    Events of one user depend on one another: what is independent are the users' sums.
    """
    gains = found.worth - found.tried.worth[0]
    off = np.bincount(users, gains - gains.mean())
    return float(gains.mean()), float(np.sqrt(np.sum(off**2)) / len(gains))


def _influence(weights: np.ndarray, scores: MemberScores) -> np.ndarray:
    influence = weights * scores.spread()
    return influence / influence.sum()


def _named(scores: MemberScores, values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(scores.names, values, strict=True)}


def _write(
    run: Path,
    out: Path,
    bundle: ModelBundle,
    metrics: Mapping[str, float],
    told: Mapping[str, Any],
    found: Found,
    scores: MemberScores,
) -> None:
    trained = read_run(run)
    # As it was trained, and not as it was opened to be measured.
    fusion = bundle.config.fusion
    config = TrainConfig(**{**trained["config"], "fusion": fusion})
    kept = {name: trained["metrics"][name] for name in ("epoch",) if name in trained["metrics"]}
    lines = [
        {
            "trial": trial,
            "weights": _named(scores, weights.round(6)),
            told["objective"]: float(worth.mean()),
        }
        for trial, (weights, worth) in enumerate(
            zip(found.tried.weights, found.tried.worth, strict=True)
        )
    ]
    with whole_folder(out) as folder:
        if (run / _HISTORY).is_file():
            shutil.copy(run / _HISTORY, folder / _HISTORY)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / _WEIGHTS).write_text(text, encoding="utf-8")
        whole = dataclasses.replace(bundle, config=config)
        save_run(folder, whole, {**kept, **metrics, "reweighed": dict(told)})
