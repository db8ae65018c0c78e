"""The tables of a search, as its page shows them."""

from collections.abc import Mapping
from typing import Any

from tfmmrec.reports.tables import Table
from tfmmrec.tuning.best_trial import is_rerun, reached
from tfmmrec.tuning.formatting import figure_told, stage_told, value_told, values_told


def finalists_table(told: Mapping[str, Any]) -> Table:
    """The finalists: what each changes of the config as given, and what it reached."""
    values = {trial["trial"]: trial["values"] for trial in told["trials"]}
    given: Mapping[str, Any] = next(
        (t["values"] for t in told["trials"] if t["stage"] == "base"), {}
    )
    seeds = sorted({seed for own in told["finalists"] for seed in own["seeds"]}, key=int)
    rows = []
    for own in told["finalists"]:
        changed = {k: v for k, v in values[own["trial"]].items() if k not in given or given[k] != v}
        mean = figure_told(own["mean"]) if own["seeds"] else ""
        # A single seed has no spread.
        mean += f" ± {figure_told(own['spread'])}" if len(own["seeds"]) > 1 else ""
        rows.append(
            [
                f"{own['trial']}{' (best)' if own.get('best') else ''}",
                values_told(changed) or "nothing",
                figure_told(own["found"]),
                mean,
                *(figure_told(own["seeds"].get(seed)) for seed in seeds),
            ]
        )
    columns = ["trial", "changes", "found", "mean with other seeds", *(f"seed {s}" for s in seeds)]
    return Table(f"Finalists by {told['objective']['name']}", columns, rows, ["changes"])


def trials_table(told: Mapping[str, Any]) -> Table:
    """All trials by their number, with why those that failed did."""
    metric = told["objective"]["name"]
    rows = []
    for trial in sorted(told["trials"], key=lambda trial: trial["trial"]):
        # A re-run has the values of its trial.
        values = "" if is_rerun(trial) else values_told(trial["values"])
        rows.append(
            [
                str(trial["trial"]),
                stage_told(trial),
                figure_told(reached(trial, metric)),
                value_told((trial.get("metrics") or {}).get("epoch", "")),
                f"{trial['seconds']['whole']:.0f}",
                values,
                trial.get("error", ""),
            ]
        )
    columns = ["trial", "stage", metric, "epoch", "seconds", "values"]
    if any("error" in trial for trial in told["trials"]):
        columns.append("error")
    rows = [row[: len(columns)] for row in rows]
    return Table("All trials", columns, rows, ["stage", "values", "error"])
