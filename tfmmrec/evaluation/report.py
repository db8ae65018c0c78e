"""Evaluates a run beside simple baselines, and says so in a table and in metrics.json."""

from pathlib import Path
from typing import Any

import rich.console
import rich.table

from tfmmrec.assembly import Assembly
from tfmmrec.evaluation.metrics import ranking_metrics
from tfmmrec.evaluation.outcome_report import measure_outcomes
from tfmmrec.evaluation.targets import (
    PARTS,
    ScoreUsers,
    by_part,
    popularity,
    random_order,
    target_ranks,
    targets_of,
)
from tfmmrec.folders import write_json
from tfmmrec.runs import load_run


def evaluate(run: Path, *, split: str = "test", seed: int = 0, quiet: bool = False) -> dict:
    """Ranks what users chose next, by the model, by popularity and at random.

    Every item is ranked that the user has not chosen before; items that were kept cold are ranked
    among themselves, and new users are counted by themselves, in tables of their own. A model that
    was taught ratings or clicks is measured by these as well, or by these alone where it was taught
    nothing else.

    Args:
        run: a run folder; `metrics.SPLIT.json` is written into it.
        split: `valid` or `test`.
        seed: of the random baseline.
        quiet: no progress bars while the run is loaded.

    Returns:
        `{"split", "num_repeats", "num_both_cold", "warm": {"targets", "items", "model": {...},
        "popularity": …, "random": …}, "cold": …, "new_users": …, "outcomes": as `measure_outcomes`
        has it}`; the three before it are None where there are no such targets, or nothing is
        ranked.
    """
    assembly = load_run(run, quiet=quiet)
    assembly.check_unseen(split)
    result: dict[str, Any] = {"split": split, **dict.fromkeys(PARTS)}
    if assembly.model.ranks_by == "retrieval":
        result |= _measure_ranks(assembly, split, seed)
    result["outcomes"] = measure_outcomes(assembly, split)
    write_json(Path(run) / f"metrics.{split}.json", result)
    return result


def _measure_ranks(assembly: Assembly, split: str, seed: int) -> dict[str, Any]:
    dataset = assembly.dataset
    scorer = assembly.scorer()
    vectors = scorer.item_vectors()
    targets = targets_of(dataset, split, timed=assembly.reads_times)
    scorers: dict[str, ScoreUsers] = {
        "model": lambda users: scorer.scores(vectors, targets.histories, users),
        "popularity": popularity(dataset, split),
        "random": random_order(dataset, seed),
    }
    result: dict[str, Any] = {
        "num_repeats": targets.num_repeats,
        "num_both_cold": targets.num_both_cold,
    }
    for name, rows, among in by_part(dataset, targets):
        if not rows.any():
            result[name] = None
            continue
        result[name] = {"targets": int(rows.sum()), "items": int(among.sum())}
        for scorer_name, score_users in scorers.items():
            ranks = target_ranks(targets.take(rows), score_users, among)
            result[name][scorer_name] = ranking_metrics(ranks)
    return result


def print_metrics(result: dict, console: rich.console.Console | None = None) -> None:
    """Prints a table for each part of the ranking, and of each outcome, where there are any."""
    console = console or rich.console.Console()
    for part in PARTS:
        if result[part] is not None:
            kind = "warm" if part == "new_users" else part
            whose = "new users, " if part == "new_users" else ""
            counts = (
                f"{result[part]['targets']} events, {result[part]['items']} {kind} items ranked"
            )
            console.print(_table(f"{result['split']}: {whose}{counts}", result[part]))
    if result.get("num_both_cold"):
        console.print(f"{result['num_both_cold']} events of new users and cold items are left out")
    for name, parts in result["outcomes"].items():
        for part, measured in parts.items():
            if measured is not None:
                counts = f"{name} of {measured['events']} events, {part.replace('_', ' ')}"
                console.print(_table(f"{result['split']}: {counts}", measured))


def _table(title: str, measured: dict[str, Any]) -> rich.table.Table:
    rows = {name: row for name, row in measured.items() if isinstance(row, dict)}
    table = rich.table.Table(title=title)
    table.add_column("")
    names = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    for name in names:
        table.add_column(name.upper(), justify="right")
    for who, row in rows.items():
        table.add_row(who, *(f"{row[name]:.4f}" for name in names))
    return table
