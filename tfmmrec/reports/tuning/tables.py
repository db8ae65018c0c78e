"""The tables of the page of a search."""

from collections.abc import Mapping
from typing import Any

from tfmmrec.reports.tables import Table
from tfmmrec.tuning.best_trial import is_rerun, metric_of
from tfmmrec.tuning.formatting import format_metric, format_stage, format_value, format_values


def finalists_table(search: Mapping[str, Any]) -> Table:
    """The finalists: their changes of the base, and their metrics."""
    values = {trial["trial"]: trial["values"] for trial in search["trials"]}
    given: Mapping[str, Any] = next(
        (t["values"] for t in search["trials"] if t["stage"] == "base"), {}
    )
    seeds = sorted(
        {seed for finalist in search["finalists"] for seed in finalist["seeds"]}, key=int
    )
    rows = []
    for finalist in search["finalists"]:
        changed = {
            k: v for k, v in values[finalist["trial"]].items() if k not in given or given[k] != v
        }
        mean = format_metric(finalist["mean"]) if finalist["seeds"] else ""
        # A single seed has no spread.
        mean += f" ± {format_metric(finalist['std'])}" if len(finalist["seeds"]) > 1 else ""
        rows.append(
            [
                f"{finalist['trial']}{' (best)' if finalist.get('best') else ''}",
                format_values(changed) or "nothing",
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
