"""The results of searches on the console."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.reports.tuning.page import read_search
from tfmmrec.reports.tuning.tables import search_summary

_MAX_RANGES = 6


def print_search(data: Path, out: Path) -> None:
    """Prints what a finished search tried and found, and the command that trains it.

    Args:
        data: the data folder.
        out: the folder of the search.
    """
    search = read_search(out)
    summary = search_summary(search, max_ranges=_MAX_RANGES)
    for line in (*summary, f"{out}/best.yaml: {search['verdict']}"):
        print(line)
    print(f"Train it: tfmmrec train {data} --config {out}/best.yaml --out RUN")


def print_tuned_fusion(out: Path, result: Mapping[str, Any]) -> None:
    """Prints the result of `tune_fusion`: the metric and the weights, before and after."""
    metric, error, seconds = result["objective"], result["standard_error"], result["seconds"]
    print(
        f"{out}: {metric} on valid {result['before']:.4f} -> {result['after']:.4f}, measured on "
        f"the {result['events']} events of the search; scores in {seconds['scores']} s, "
        f"{result['trials']} trials in {seconds['search']} s"
    )
    if result["weights"] == result["initial_weights"]:
        print(
            f"  the weights are unchanged: none were better by more than the standard error, "
            f"{error:.4f}"
        )
    print(f"  {'':16} {'before':>8} {'after':>8} {'influence':>11}")
    for name, weight in result["weights"].items():
        before, influence = result["initial_weights"][name], result["influence"][name]
        print(f"  {name:16} {before:8.3f} {weight:8.3f} {influence:11.1%}")
