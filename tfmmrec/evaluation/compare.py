"""Compares runs on the same targets, pair by pair."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rich.console
import rich.table

from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.evaluation.metrics.bootstrap import Interval
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.evaluation.metrics.user_bootstrap import UserResamples
from tfmmrec.evaluation.rank_store import KeptRanks, load_ranks
from tfmmrec.evaluation.ranking.ranked_part import K
from tfmmrec.models.run_folder import read_run
from tfmmrec.reports.bokeh import check_plots
from tfmmrec.reports.evaluation.compare_page import write_comparison
from tfmmrec.reports.evaluation.tables import lead_told

METRICS = (f"hr@{K}", f"ndcg@{K}", "mrr")


def compare(
    runs: Sequence[Path],
    *,
    split: str = "test",
    report: Path | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> dict[str, Any]:
    """Measures runs on the same targets; the differences are to the first.

    Runs that were not evaluated on the split yet are evaluated now.

    Args:
        runs: run folders, two at least, of the same data.
        split: `valid` or `test`.
        report: an HTML page to write, with curves; it needs the extra `report`.
        seed: of the draws of users behind intervals.
        quiet: no progress bars.

    Returns:
        By part, `warm`, `cold` and `new_users`, where there are any: `{"targets", "runs": {NAME:
        {METRIC: {"mean", "low", "high"}, "lead": {"mean", "low", "high", "p"}}}}`; `lead` is of
        NDCG@10 over the first run, which has none.

    Raises:
        ConfigError: there is one run only, or one twice.
        DataError: a folder is no run, or the runs are of different data or rank nothing.
    """
    if report is not None:
        check_plots()
    runs = [Path(run) for run in runs]
    if len(runs) < 2 or len({run.resolve() for run in runs}) < len(runs):
        given = ", ".join(map(str, runs))
        raise ConfigError(f"compare needs two runs or more, each once. Received: {given}")
    manifests = [read_run(run)["manifest_sha256"] for run in runs]
    for run, manifest in zip(runs, manifests, strict=True):
        if manifest != manifests[0]:
            raise DataError(f"{run}: trained on other data than {runs[0]}; pack and train alike")
    kept = [_ranks(run, split, quiet) for run in runs]
    for run, own in zip(runs, kept, strict=True):
        if not own:
            raise DataError(f"{run}: ranks no items; only models that do can be compared")
    by_run = dict(zip(map(str, runs), kept, strict=True))
    compared = {part: _compare_part(by_run, part, seed) for part in kept[0]}
    if report is not None:
        write_comparison(Path(report), split, compared, by_run, METRICS)
    return compared


def _ranks(run: Path, split: str, quiet: bool) -> KeptRanks:
    found = load_ranks(run, split)
    if found is None:
        evaluate(run, split=split, quiet=quiet)
        found = load_ranks(run, split)
    return found or {}


def _compare_part(kept: dict[str, KeptRanks], part: str, seed: int) -> dict[str, Any]:
    users, items, _ = next(iter(kept.values()))[part]
    resamples = UserResamples(users, seed=seed)
    found: dict[str, Any] = {}
    first = None
    for name, own in kept.items():
        if not (np.array_equal(own[part][0], users) and np.array_equal(own[part][1], items)):
            raise DataError(f"{name}: its {part} targets are others; evaluate all runs again")
        values = target_metrics(own[part][2])
        columns = np.stack([values[metric] for metric in METRICS], axis=1)
        intervals = resamples.intervals(columns)
        found[name] = {
            metric: dataclasses.asdict(interval)
            for metric, interval in zip(METRICS, intervals, strict=True)
        }
        gains = values[f"ndcg@{K}"]
        if first is None:
            first = gains
            continue
        lead = resamples.lead(gains, first)
        found[name]["lead"] = {**dataclasses.asdict(lead.interval), "p": lead.p}
    return {"targets": len(users), "runs": found}


def print_comparison(
    compared: dict[str, Any], split: str, console: rich.console.Console | None = None
) -> None:
    """Prints a table for each part."""
    console = console or rich.console.Console()
    for part, told in compared.items():
        names = list(told["runs"])
        title = f"{split}, {part.replace('_', ' ')}: {told['targets']} events"
        table = rich.table.Table(title=title)
        table.add_column("")
        for metric in METRICS:
            table.add_column(metric.upper(), justify="right")
        table.add_column(f"NDCG@{K} - {names[0]}", justify="right")
        for name, row in told["runs"].items():
            figures = [str(Interval(**row[metric])) for metric in METRICS]
            table.add_row(name, *figures, lead_told(row.get("lead")))
        console.print(table)
