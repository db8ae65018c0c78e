"""Trials and their hyperparameters as text."""

from collections.abc import Mapping
from typing import Any

from tfmmrec.tuning.best_trial import Trial, is_rerun, metric_of


def format_value(value: Any) -> str:
    """A value as in a training file; floats have four significant digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def format_values(values: Mapping[str, Any], separator: str = ", ") -> str:
    """Hyperparameters with their values."""
    return separator.join(f"{name}: {format_value(value)}" for name, value in values.items())


def format_metric(value: float | None) -> str:
    """A metric with four decimals; an empty text for None."""
    return "" if value is None else f"{value:.4f}"


def format_stage(trial: Trial) -> str:
    """The stage of the search to which a trial belongs."""
    if is_rerun(trial):
        return f"{trial['rerun_of']} with seed {trial['seed']}"
    return "base" if trial["stage"] == "base" else "search"


def format_trial(trial: Trial, metric: str) -> str:
    """A trial in lines: its metric or its error, then its hyperparameters."""
    result = trial.get("error") or f"{metric} {format_metric(metric_of(trial, metric)) or '—'}"
    lines = [f"trial {trial['trial']} ({format_stage(trial)})", result]
    return "\n".join([*lines, format_values(trial["values"], "\n")])
