"""An evaluation as tables on the screen."""

import operator
from collections.abc import Iterator
from typing import Any

import rich.console
import rich.table

from tfmmrec.evaluation.compare import METRICS
from tfmmrec.evaluation.metrics.bootstrap import Interval
from tfmmrec.evaluation.ranking.segment_result import K
from tfmmrec.evaluation.ranking.targets import SEGMENTS
from tfmmrec.reports.evaluation.tables import lead_told


def print_metrics(result: dict, console: rich.console.Console | None = None) -> None:
    """Prints the verdict, a table for each part of the ranking and outcome, and what is worse."""
    console = console or rich.console.Console()
    if result["verdict"] is not None:
        console.print(result["verdict"], highlight=False, soft_wrap=True)
    for part in SEGMENTS:
        if result[part] is not None:
            kind = "warm" if part == "new_users" else part
            whose = "new users, " if part == "new_users" else ""
            counts = (
                f"{result[part]['targets']} events, {result[part]['items']} {kind} items ranked"
            )
            console.print(_table(f"{result['split']}: {whose}{counts}", result[part]))
            if result[part].get("by_user"):
                users = f"{result['split']}: means over {result[part]['users']} users"
                console.print(_table(users, _compared(result[part]["by_user"])))
            for line in _worth(result[part].get("modalities")):
                console.print(line, highlight=False, soft_wrap=True)
            for worse in filter(operator.itemgetter("worse"), result[part]["slices"]):
                console.print(_below(worse), highlight=False, soft_wrap=True)
    if result.get("num_both_cold"):
        console.print(f"{result['num_both_cold']} events of new users and cold items are left out")
    for name, parts in result["outcomes"].items():
        for part, measured in parts.items():
            if measured is not None:
                counts = f"{name} of {measured['events']} events, {part.replace('_', ' ')}"
                console.print(_table(f"{result['split']}: {counts}", measured))


def print_comparison(
    compared: dict[str, Any], split: str, console: rich.console.Console | None = None
) -> None:
    """Prints a table for each part of a comparison of runs."""
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


def _below(part: dict[str, Any]) -> str:
    return (
        f"  worse than the whole: {part['group']}: {part['name']}: NDCG@10 {part['mean']:.3f} "
        f"[{part['low']:.3f}, {part['high']:.3f}], {part['targets']} events"
    )


def _worth(told: dict[str, Any] | None) -> Iterator[str]:
    """A line for each modality: its Shapley share, that in percent of the whole, and without it."""
    if told is None:
        return
    whole = told["all"] - told["nothing"]
    for name, own in told["modalities"].items():
        share, without = (Interval(**own[key]) for key in ("share", "without"))
        percent = f" ({share.mean / whole:.0%})" if whole > 0 else ""
        yield (
            f"  {name}: {share:+}{percent} of the model's NDCG@10; "
            f"the model without it {-without.mean:+.3f}"
        )


def _table(title: str, measured: dict[str, Any]) -> rich.table.Table:
    rows = {name: row for name, row in measured.items() if _is_figures(row)}
    table = rich.table.Table(title=title)
    table.add_column("")
    names = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    for name in names:
        table.add_column(name.upper(), justify="right")
    for who, row in rows.items():
        table.add_row(who, *(f"{row[name]:.4f}" for name in names))
    return table


def _compared(by_user: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The metrics at the cutoff by which models are compared; a screen is too narrow for all."""
    return {
        who: {name: value for name, value in row.items() if name.endswith(f"@{K}")}
        for who, row in by_user.items()
    }


def _is_figures(row: Any) -> bool:
    """Whether it is what one model is worth: means by metric."""
    return isinstance(row, dict) and all(isinstance(value, float) for value in row.values())
