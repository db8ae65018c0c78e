"""The tables of the page of a search."""

from collections.abc import Mapping
from typing import Any

from tfmmrec.reports.tables import Table
from tfmmrec.tuning.best_trial import best_trial, is_rerun, metric_of
from tfmmrec.tuning.formatting import format_metric, format_stage, format_value, format_values


def finalists_table(search: Mapping[str, Any]) -> Table:
    """The finalists: their changes of the base, and their metrics."""
    seeds = sorted(
        {seed for finalist in search["finalists"] for seed in finalist["seeds"]}, key=int
    )
    rows = []
    for finalist in search["finalists"]:
        mean = format_metric(finalist["mean"]) if finalist["seeds"] else ""
        # A single seed has no spread.
        mean += f" ± {format_metric(finalist['std'])}" if len(finalist["seeds"]) > 1 else ""
        rows.append(
            [
                f"{finalist['trial']}{' (best)' if finalist.get('best') else ''}",
                changes_of_base(search, finalist["trial"]),
                format_metric(finalist["search_metric"]),
                mean,
                *(format_metric(finalist["seeds"].get(seed)) for seed in seeds),
            ]
        )
    columns = [
        "trial",
        "changes",
        "in the search",
        "mean with other seeds",
        *(f"seed {s}" for s in seeds),
    ]
    return Table(f"Finalists by {search['objective']['name']}", columns, rows, ["changes"])


def changes_of_base(search: Mapping[str, Any], number: int) -> str:
    """The hyperparameters in which a trial differs from the base; "nothing" if in none."""
    values = {trial["trial"]: trial["values"] for trial in search["trials"]}[number]
    base: Mapping[str, Any] = next(
        (t["values"] for t in search["trials"] if t["stage"] == "base"), {}
    )
    changed = {k: v for k, v in values.items() if k not in base or base[k] != v}
    return format_values(changed) or "nothing"


def search_summary(search: Mapping[str, Any], *, max_ranges: int | None = None) -> list[str]:
    """States in words what was tried, and how the best trial differs from the base.

    Args:
        search: as for `write_page`.
        max_ranges: if more options than this were searched, they are only counted (default: all are
            listed with their ranges).
    """
    varied = [hp for hp in search["space"] if hp["type"] != "fixed"]
    searched = [t for t in search["trials"] if not is_rerun(t)]
    failed = sum("error" in trial for trial in searched)
    tried = f"Tried: {len(searched)} trials{f', of which {failed} failed' if failed else ''}"
    if max_ranges is not None and len(varied) > max_ranges:
        parts = dict.fromkeys(hp["name"].partition(".")[0] for hp in varied)
        tried += f"; {len(varied)} options of {', '.join(parts)}, whose ranges are in tuning.html"
    elif varied:
        tried += "; " + "; ".join(_format_range(hp) for hp in varied)
    best = best_trial(search)
    lines = [tried]
    if best is not None:
        lines.append(f"The best differs from the base in: {changes_of_base(search, best)}")
    return lines


def _format_range(hp: Mapping[str, Any]) -> str:
    """A hyperparameter with its values or limits, as `ranges.describe` gives it."""
    if hp["type"] == "boolean":
        return f"{hp['name']}: true or false"
    if "values" in hp:
        return f"{hp['name']}: {', '.join(map(format_value, hp['values']))}"
    return f"{hp['name']}: {format_value(hp['min'])} to {format_value(hp['max'])}"


def trials_table(search: Mapping[str, Any]) -> Table:
    """All trials by number, with the error of failed ones."""
    metric = search["objective"]["name"]
    rows = []
    for trial in sorted(search["trials"], key=lambda trial: trial["trial"]):
        # A rerun has the values of its trial.
        values = "" if is_rerun(trial) else format_values(trial["values"])
        rows.append(
            [
                str(trial["trial"]),
                format_stage(trial),
                format_metric(metric_of(trial, metric)),
                format_value((trial.get("metrics") or {}).get("epoch", "")),
                f"{trial['seconds']['total']:.0f}",
                values,
                trial.get("error", ""),
            ]
        )
    columns = ["trial", "stage", metric, "epoch", "seconds", "values"]
    if any("error" in trial for trial in search["trials"]):
        columns.append("error")
    rows = [row[: len(columns)] for row in rows]
    return Table("All trials", columns, rows, ["stage", "values", "error"])
