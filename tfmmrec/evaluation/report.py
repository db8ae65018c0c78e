"""Evaluates a run beside simple baselines, and says so in a table and in metrics.json."""

from pathlib import Path
from typing import Any

import rich.console
import rich.table

from tfmmrec.evaluation.metrics import ranking_metrics
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
    among themselves, and new users are counted by themselves, in tables of their own.

    Args:
        run: a run folder; `metrics.SPLIT.json` is written into it.
        split: `valid` or `test`.
        seed: of the random baseline.
        quiet: no progress bars while the run is loaded.

    Returns:
        `{"split", "num_repeats", "num_both_cold", "warm": {"targets", "items", "model": {...},
        "popularity": …, "random": …}, "cold": …, "new_users": …}`, the last three None where there
        are no such targets.
    """
    assembly = load_run(run, quiet=quiet)
    assembly.check_unseen(split)
    dataset = assembly.dataset
    scorer = assembly.scorer()
    vectors = scorer.item_vectors()
    targets = targets_of(dataset, split)
    scorers: dict[str, ScoreUsers] = {
        "model": lambda users: scorer.scores(vectors, targets.histories, users),
        "popularity": popularity(dataset, split),
        "random": random_order(dataset, seed),
    }
    result: dict[str, Any] = {
        "split": split,
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
    write_json(Path(run) / f"metrics.{split}.json", result)
    return result


def print_metrics(result: dict, console: rich.console.Console | None = None) -> None:
    """Prints a table each for warm items, cold items and new users, where there are any."""
    console = console or rich.console.Console()
    for part in PARTS:
        if result[part] is None:
            continue
        rows = {name: row for name, row in result[part].items() if isinstance(row, dict)}
        whose, kind = ("new users, ", "warm") if part == "new_users" else ("", part)
        title = (
            f"{result['split']}: {whose}{result[part]['targets']} events, "
            f"{result[part]['items']} {kind} items ranked"
        )
        table = rich.table.Table(title=title)
        table.add_column("")
        for metric in next(iter(rows.values())):
            table.add_column(metric.upper(), justify="right")
        for name, metrics in rows.items():
            table.add_row(name, *(f"{value:.4f}" for value in metrics.values()))
        console.print(table)
    if result["num_both_cold"]:
        console.print(f"{result['num_both_cold']} events of new users and cold items are left out")
