"""Trials in words."""

from collections.abc import Mapping
from typing import Any

from tfmmrec.tuning.best_trial import Trial, is_rerun, reached


def value_told(value: Any) -> str:
    """A value as a training file has it, numbers to four digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def values_told(values: Mapping[str, Any], between: str = ", ") -> str:
    """Hyperparameters with their values, one after the other."""
    return between.join(f"{name}: {value_told(value)}" for name, value in values.items())


def figure_told(value: float | None) -> str:
    """A figure of the objective; nothing where there is none."""
    return "" if value is None else f"{value:.4f}"


def stage_told(trial: Trial) -> str:
    """Which part of the search a trial is of."""
    if is_rerun(trial):
        return f"{trial['of']} with seed {trial['seed']}"
    return "as given" if trial["stage"] == "base" else "search"


def trial_told(trial: Trial, metric: str) -> str:
    """A trial in lines: what it reached or why it failed, then its values."""
    said = trial.get("error") or f"{metric} {figure_told(reached(trial, metric)) or '—'}"
    lines = [f"trial {trial['trial']} ({stage_told(trial)})", said]
    return "\n".join([*lines, values_told(trial["values"], "\n")])
