"""The tables of an evaluation and of a comparison, for the console, pages and cards."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfmmrec.evaluation.metrics.bootstrap import Interval
from tfmmrec.evaluation.ranking.segment_result import MODEL, K
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


def format_difference(lead: Mapping[str, float] | None) -> str:
    """Formats a difference with its interval and p-value; "" for None."""
    if lead is None:
        return ""
    return f"{Interval(lead['mean'], lead['low'], lead['high']):+}, p {lead['p']:.4f}"


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
