"""The finished trials of a search, and the best of them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Trial = Mapping[str, Any]


def metric_of(trial: Trial, metric: str) -> float | None:
    """A metric of a trial; None if the trial failed or the metric is not finite."""
    value = None if "error" in trial else (trial.get("metrics") or {}).get(metric)
    return value if value is not None and math.isfinite(value) else None


def is_rerun(trial: Trial) -> bool:
    """Whether a trial repeats another one with another seed."""
    return trial["stage"] == "rerun"


def finished_trials(trials: Sequence[Trial], metric: str) -> list[Trial]:
    """The trials with a metric, the base included and reruns excluded."""
    return [t for t in trials if not is_rerun(t) and metric_of(t, metric) is not None]


def metric_values(trials: Sequence[Trial], metric: str) -> list[float]:
    """The metric of each trial that has one."""
    return [value for trial in trials if (value := metric_of(trial, metric)) is not None]


def best_trial(search: Mapping[str, Any]) -> int | None:
    """The number of the best trial: the best finalist, else the trial with the best metric.

    Args:
        search: with `finalists`, `objective` and `trials`, as in `results.json`.
    """
    for finalist in search["finalists"]:
        if finalist.get("best"):
            return finalist["trial"]
    metric, direction = search["objective"]["name"], search["objective"]["direction"]
    trials = finished_trials(search["trials"], metric)
    pairs = zip(metric_values(trials, metric), trials, strict=True)
    choose = max if direction == "max" else min
    best = choose(pairs, key=lambda pair: pair[0], default=None)
    return best[1]["trial"] if best else None
