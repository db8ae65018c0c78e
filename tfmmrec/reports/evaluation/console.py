"""An evaluation, and a comparison of runs, on the console."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import rich.console

from tfmmrec.evaluation.metrics.bootstrap import Interval
from tfmmrec.evaluation.segments import METRICS, SEGMENTS, TITLES, K
from tfmmrec.evaluation.verdict import model_verdict
from tfmmrec.reports.evaluation.tables import (
    baseline_notes,
    comparison_table,
    comparison_verdicts,
    evaluation_notes,
    items_ranked,
    metrics_table,
    never_chosen_note,
    options_table,
    outcome_tables,
)
from tfmmrec.reports.wide_console import wide_console

# More slices are in the model card and on the page.
_MAX_SLICES = 3


def print_metrics(metrics: Mapping[str, Any], console: rich.console.Console | None = None) -> None:
    """Prints a verdict per segment and what was left out, then a table per segment and outcome.

    The slices that are worse follow the table of their segment.

    Args:
        metrics: of an `EvaluationResult`.
        console: where to print (default stdout).
    """
    console = console or wide_console()
    split = metrics["split"]
    if metrics["verdict"] is not None:
        console.print(metrics["verdict"], highlight=False, soft_wrap=True)
    # The verdict above is that of the first.
    for segment in [name for name in SEGMENTS if metrics[name] is not None][1:]:
        sentence = f"{TITLES[segment]}: {model_verdict(metrics[segment])}"
        console.print(sentence, highlight=False, soft_wrap=True)
    for note in evaluation_notes(metrics):
        console.print(note, highlight=False, soft_wrap=True)
    for segment in SEGMENTS:
        if metrics[segment] is not None:
            _print_segment(console, split, segment, metrics[segment])
    title = f"{split}: {{outcome}} of {{events}} events, {{segment}}"
    for table in outcome_tables(metrics["outcomes"], title):
        console.print(table.to_rich())


def print_comparison(
    comparison: Mapping[str, Any],
    split: str,
    configs: Mapping[str, Mapping[str, Any]],
    console: rich.console.Console | None = None,
) -> None:
    """Prints how runs compare: in words, the options that differ, and a table per segment.

    Args:
        comparison: as returned by `compare`.
        split: the evaluated split.
        configs: of the runs, see `configs_of`.
        console: where to print (default stdout).
    """
    console = console or wide_console()
    for sentence in comparison_verdicts(comparison):
        console.print(sentence, highlight=False, soft_wrap=True)
    options = options_table(configs)
    console.print(options.to_rich() if options.rows else "The runs have the same options.")
    for segment, compared in comparison.items():
        title = f"{split}, {segment.replace('_', ' ')}: {compared['targets']} targets"
        console.print(comparison_table(title, compared["runs"], METRICS).to_rich())


def _print_segment(
    console: rich.console.Console, split: str, segment: str, summary: Mapping[str, Any]
) -> None:
    users = "new users, " if segment == "new_users" else ""
    title = f"{split}: {users}{summary['targets']:,} targets, {items_ranked(segment, summary)}"
    models = {name: summary[name] for name in summary["intervals"]}
    console.print(metrics_table(title, models, digits=4).to_rich())
    if summary.get("by_user"):
        title = f"{split}: means over {summary['users']} users"
        # The default cutoff only: the console is too narrow for all.
        by_user = {
            who: {name: value for name, value in row.items() if name.endswith(f"@{K}")}
            for who, row in summary["by_user"].items()
        }
        console.print(metrics_table(title, by_user, digits=4).to_rich())
    for line in (
        *(f"  {note}" for note in baseline_notes(summary)),
        *filter(None, [never_chosen_note(summary)]),
        *_attribution_lines(summary.get("modality_attribution")),
        *_slice_lines(summary["slices"]),
    ):
        console.print(line, highlight=False, soft_wrap=True)


def _slice_lines(slices: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each of the largest slices that are worse than the whole."""
    worse = sorted((own for own in slices if own["worse"]), key=lambda own: -own["targets"])
    for own in worse[:_MAX_SLICES]:
        interval = Interval(own["mean"], own["low"], own["high"])
        yield (
            f"  worse than the whole: {own['group']}: {own['name']}: NDCG@{K} {interval}, "
            f"{own['targets']} targets"
        )
    if len(worse) > _MAX_SLICES:
        yield f"  and {len(worse) - _MAX_SLICES} smaller ones; model_card.md and --report have all"


def _attribution_lines(attribution: Mapping[str, Any] | None) -> Iterator[str]:
    """A line per modality: its Shapley value, also in percent of the total, and its ablation."""
    if attribution is None:
        return
    total = attribution["all_modalities"] - attribution["no_modalities"]
    for name, own in attribution["modalities"].items():
        value, ablation = (Interval(**own[key]) for key in ("shapley_value", "ablation"))
        percent = f" ({value.mean / total:.0%})" if total > 0 else ""
        yield (
            f"  {name}: Shapley attribution {value:+}{percent} of the model's NDCG@{K}; "
            f"{-ablation.mean:+.3f} without it"
        )
