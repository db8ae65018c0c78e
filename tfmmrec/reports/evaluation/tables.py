"""The tables of an evaluation and of a comparison, for the console, pages and cards."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfmmrec.config.differences import differing_options
from tfmmrec.evaluation.metrics.bootstrap import Interval
from tfmmrec.evaluation.segments import MODEL, TITLES, K
from tfmmrec.reports.number_format import metric_label
from tfmmrec.reports.tables import Table


def segment_tables(
    title: str, summary: Mapping[str, Any], models: Sequence[str]
) -> Iterator[Table]:
    """Yields the tables of a segment.

    Args:
        title: of the first table.
        summary: as returned by `summarize_segment`.
        models: the names of the rows, in order.
    """
    metrics = list(summary[MODEL])
    rows = [
        [
            name,
            *(str(Interval(summary[name][m], *summary["intervals"][name][m])) for m in metrics),
        ]
        for name in models
    ]
    yield Table(title, ["", *(metric_label(metric) for metric in metrics)], rows)
    if summary["by_user"] is not None:
        yield metrics_table("Means over users, who have several targets each", summary["by_user"])
    lists = {name: summary["lists"][name] for name in models}
    yield metrics_table(f"Metrics of the top {K} lists", lists)
    attribution = summary.get("modality_attribution")
    if attribution is not None and attribution["slices"]:
        yield _attribution_by_slice(attribution)


def evaluation_notes(metrics: Mapping[str, Any]) -> list[str]:
    """States which positives were left out, and whether temporal leakage is known.

    Args:
        metrics: of an `EvaluationResult`.
    """
    if metrics.get("num_events") is None:
        return []
    repeats, both_cold = metrics["num_repeats"], metrics["num_both_cold"]
    parts = [f"{metrics['split']}: {metrics['num_events']:,} events"]
    if repeats:
        word = "repeat" if repeats == 1 else "repeats"
        known = "chose or disliked" if metrics.get("target_kinds") else "chose"
        parts.append(f"{repeats:,} {word} left out (the user {known} the item before)")
    if both_cold:
        parts.append(f"{both_cold:,} of new users and cold-start items left out")
    notes = [", ".join(parts)]
    if kinds := metrics.get("target_kinds"):
        names = " and ".join(kinds)
        notes.append(f"Targets are events of kind {names}, which have the largest weight")
    if metrics["num_leaking"] is None:
        notes.append(
            "The log has no times: histories are in no known order, and temporal leakage cannot "
            "be checked"
        )
    return notes


def items_ranked(segment: str, summary: Mapping[str, Any]) -> str:
    """States how many items of a segment are ranked, those that nobody chose apart.

    Args:
        segment: its name.
        summary: as returned by `summarize_segment`.
    """
    if segment == "cold":
        return f"{summary['items']:,} cold-start items ranked"
    num_never = summary["never_chosen"]["items"]
    warm = f"{summary['items'] - num_never:,} warm items"
    return f"{warm} and {num_never:,} never-chosen items ranked" if num_never else f"{warm} ranked"


def baseline_notes(summary: Mapping[str, Any]) -> list[str]:
    """States which baselines are missing or limited, and why."""
    return [f"{name}: {note}" for name, note in summary["baseline_notes"].items()]


def never_chosen_note(summary: Mapping[str, Any]) -> str:
    """States how many recommended items nobody chose in training; "" if all were chosen."""
    counts = summary["never_chosen"]
    if not counts or not counts["items"]:
        return ""
    return (
        f"Of {counts['all_recommendations']:,} recommendations {counts['recommendations']:,} were "
        f"never chosen by anybody in training, and of {summary['targets']:,} targets "
        f"{counts['targets']:,}"
    )


def metrics_table(title: str, rows: Mapping[str, Mapping[str, float]], *, digits: int = 3) -> Table:
    """Returns a table of metrics by row; a metric that a row does not have is an empty cell."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    cells = [
        [who, *(f"{row[name]:.{digits}f}" if name in row else "" for name in names)]
        for who, row in rows.items()
    ]
    return Table(title, ["", *(metric_label(name) for name in names)], cells)


def outcome_tables(outcomes: Mapping[str, Any], title: str) -> list[Table]:
    """Returns the tables of ratings and clicks.

    Args:
        outcomes: as returned by `measure_outcomes`.
        title: with the placeholders `{outcome}`, `{segment}` and `{events}`.
    """
    return [
        metrics_table(
            title.format(outcome=name, segment=segment, events=measured["events"]),
            {who: row for who, row in measured.items() if isinstance(row, Mapping)},
            digits=4,
        )
        for name, segments in outcomes.items()
        for segment, measured in segments.items()
        if measured is not None
    ]


def comparison_table(
    title: str, runs: Mapping[str, Mapping[str, Any]], metrics: Sequence[str]
) -> Table:
    """Returns a table of runs side by side, from the result of `compare`."""
    first = next(iter(runs))
    rows = [
        [
            name,
            *(str(Interval(**row[metric])) for metric in metrics),
            format_difference(row.get("lead")),
        ]
        for name, row in runs.items()
    ]
    return Table(title, ["", *(metric_label(m) for m in metrics), f"NDCG@{K} - {first}"], rows)


# Options that do not change what a model recommends.
_WITHOUT_EFFECT = ("quiet", "cache", "checkpoints", "checkpoint_steps")


def options_table(configs: Mapping[str, Mapping[str, Any]]) -> Table:
    """Returns a table of the options that differ between runs; without rows if there are none.

    Options that do not change a model, such as `quiet`, are left out.

    Args:
        configs: by run, its config as nested mappings.
    """
    rows = [
        [option, *(value if isinstance(value, str) else json.dumps(value) for value in values)]
        for option, values in differing_options(list(configs.values())).items()
        if option not in _WITHOUT_EFFECT
    ]
    return Table("Options that differ", ["option", *configs], rows, list(configs))


def comparison_verdicts(comparison: Mapping[str, Any]) -> list[str]:
    """States in a sentence per segment and run how it compares with the first run.

    Args:
        comparison: as returned by `compare`.
    """
    sentences = []
    for segment, compared in comparison.items():
        (first, base), *others = compared["runs"].items()
        for name, row in others:
            verdict = _VERDICTS.get(row["lead"]["verdict"], "has too few users to differ from")
            metric = f"ndcg@{K}"
            sentences.append(
                f"{TITLES[segment]}: {name} {verdict} {first}: {metric_label(metric)} "
                f"{row[metric]['mean']:.3f} vs. {base[metric]['mean']:.3f}, difference "
                f"{format_difference(row['lead'])}"
            )
    return sentences


# By `PairedDifference.verdict`.
_VERDICTS = {
    "ahead": "is ahead of",
    "behind": "is behind",
    "even": "does not clearly differ from",
}


def format_difference(lead: Mapping[str, Any] | None) -> str:
    """Formats a difference with its interval and p-value; "" for None."""
    if lead is None:
        return ""
    difference = f"{Interval(lead['mean'], lead['low'], lead['high']):+}"
    if lead["low"] is None:
        return f"{difference}, exact p {lead['p']:.4f}, too few users ({lead['users']})"
    return f"{difference}, p {lead['p']:.4f}"


def _attribution_by_slice(attribution: Mapping[str, Any]) -> Table:
    rows = [
        [
            f"{own['group']}: {own['name']}",
            f"{own['targets']:,}",
            *(f"{value:+.3f}" for value in own["shapley_values"].values()),
        ]
        for own in attribution["slices"]
    ]
    title = f"Shapley attribution of NDCG@{K} by slice"
    return Table(title, ["", "targets", *attribution["modalities"]], rows)
