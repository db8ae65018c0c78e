"""Which trials of a search count, and which of them is the best."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Trial = Mapping[str, Any]


def reached(trial: Trial, metric: str) -> float | None:
    """What a trial reached of a metric; None where it failed, or measured no finite number."""
    value = None if "error" in trial else (trial.get("metrics") or {}).get(metric)
    return value if value is not None and math.isfinite(value) else None


def is_rerun(trial: Trial) -> bool:
    """Whether a trial is another's training with another seed."""
    return trial["stage"] == "rerun"


def finished(trials: Sequence[Trial], metric: str) -> list[Trial]:
    """The trials of the search itself that reached something, the base among them."""
    return [t for t in trials if not is_rerun(t) and reached(t, metric) is not None]


def figures(trials: Sequence[Trial], metric: str) -> list[float]:
    """What those trials reached that reached something."""
    return [value for trial in trials if (value := reached(trial, metric)) is not None]


def best_trial(told: Mapping[str, Any]) -> int | None:
    """The number of the best trial: the finalist that is said to be, else what was found best."""
    for finalist in told["finalists"]:
        if finalist.get("best"):
            return finalist["trial"]
    metric, direction = told["objective"]["name"], told["objective"]["direction"]
    kept = finished(told["trials"], metric)
    found = zip(figures(kept, metric), kept, strict=True)
    choose = max if direction == "max" else min
    best = choose(found, key=lambda pair: pair[0], default=None)
    return best[1]["trial"] if best else None
