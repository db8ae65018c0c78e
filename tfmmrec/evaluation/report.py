"""Evaluates a run beside simple baselines, and says so in a table and in metrics.json."""

from pathlib import Path
from typing import Any

import rich.console
import rich.table

from tfmmrec.evaluation.metrics import ranking_metrics
from tfmmrec.evaluation.targets import (
    ScoreUsers,
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
    among themselves, in a table of their own.

    Args:
        run: a run folder; `metrics.SPLIT.json` is written into it.
        split: `valid` or `test`.
        seed: of the random baseline.
        quiet: no progress bars while the run is loaded.

    Returns:
        `{"split", "warm": {"targets", "items", "model": {...}, "popularity": …, "random": …},
        "cold": the same or None}`.
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
    result: dict[str, Any] = {"split": split, "num_repeats": targets.num_repeats}
    for name, among in (("warm", ~dataset.cold_items), ("cold", dataset.cold_items)):
        rows = among[targets.item]
        if not rows.any():
            result[name] = None
            continue
        result[name] = {"targets": int(rows.sum()), "items": int(among.sum())}
        for scorer_name, score_users in scorers.items():
            ranks = target_ranks(targets, score_users, among)
            result[name][scorer_name] = ranking_metrics(ranks[rows])
    write_json(Path(run) / f"metrics.{split}.json", result)
    return result


def print_metrics(result: dict, console: rich.console.Console | None = None) -> None:
    """Prints one table for the warm items and one for the cold, where there are any."""
    console = console or rich.console.Console()
    for part in ("warm", "cold"):
        if result[part] is None:
            continue
        rows = {name: row for name, row in result[part].items() if isinstance(row, dict)}
        title = (
            f"{result['split']}: {result[part]['targets']} events, "
            f"{result[part]['items']} {part} items ranked"
        )
        table = rich.table.Table(title=title)
        table.add_column("")
        for metric in next(iter(rows.values())):
            table.add_column(metric.upper(), justify="right")
        for name, metrics in rows.items():
            table.add_row(name, *(f"{value:.4f}" for value in metrics.values()))
        console.print(table)
