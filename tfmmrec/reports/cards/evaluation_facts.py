"""The metrics of an evaluation as texts and table rows of a model card."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tfmmrec.config.objective import objective_of
from tfmmrec.evaluation.metrics.bootstrap import Interval
from tfmmrec.evaluation.segments import MODEL, TITLES, K
from tfmmrec.evaluation.verdict import model_verdict
from tfmmrec.reports.evaluation.tables import baseline_notes, items_ranked, never_chosen_note
from tfmmrec.reports.number_format import metric_label


def segment_summary(segment: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Formats the metrics of a segment.

    Args:
        segment: its name.
        summary: as returned by `summarize_segment`.
    """
    metrics, names = list(summary[MODEL]), list(summary["intervals"])
    slices = summary.get("slices") or []
    sorted_slices = _worst_first(slices)
    state = summary["lead"]["verdict"]
    return {
        "title": TITLES[segment],
        **{name: f"{summary[name]:,}" for name in ("targets", "users")},
        "ranked": items_ranked(segment, summary),
        "never_chosen": never_chosen_note(summary),
        "baseline_notes": baseline_notes(summary),
        "verdict": model_verdict(summary),
        "state": state,
        "better": state == "ahead",
        "baseline": summary["lead"]["baseline"],
        "baselines": [name for name in names if name != MODEL],
        "metrics": ["", *(metric_label(metric) for metric in metrics)],
        "rows": [_row(summary, name, metrics) for name in names],
        "groups": [f"{group} ({' / '.join(values)})" for group, values in _groups(slices).items()],
        "worse": [_slice_row(own) for own in sorted_slices if own["worse"]],
        "slices": [[*_slice_row(own), "worse" if own["worse"] else ""] for own in sorted_slices],
        "by_users": _by_users(slices),
        "lists": _lists(summary.get("lists") or {}),
        "lift": _lift(summary),
        "attribution": _attribution(summary.get("modality_attribution")),
    }


def _row(summary: Mapping[str, Any], name: str, metrics: Sequence[str]) -> list[str]:
    own = summary["intervals"][name]
    return [
        name,
        *(format_interval(summary[name].get(m), *own.get(m, (None, None))) for m in metrics),
    ]


def _worst_first(slices: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Slices that are worse than the whole come first, in ascending order of their mean."""
    return sorted(slices, key=lambda own: (not own["worse"], own["worse"] and own["mean"]))


def _slice_row(own: Mapping[str, Any]) -> list[str]:
    name = f"{own['group']}: {own['name']}"
    return [name, f"{own['targets']:,}", format_interval(own["mean"], own["low"], own["high"])]


def _groups(slices: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for own in slices:
        groups.setdefault(own["group"], []).append(own["name"])
    return groups


def _by_users(slices: Sequence[Mapping[str, Any]]) -> list[str]:
    """The metric in each category of users, a text for each feature."""
    of_users = [own for own in slices if own["group"].endswith(" of the user")]
    return [
        f"{group}: "
        + ", ".join(
            f"{own['name']} {format_metric(own['mean'])}"
            for own in of_users
            if own["group"] == group
        )
        for group in _groups(of_users)
    ]


def _lift(summary: Mapping[str, Any]) -> str:
    """The popularity lift of the model's lists as a text; "" if it is undefined.

    Items without events, such as cold-start items, have no popularity to compare.
    """
    lift = (summary.get("lists") or {}).get(MODEL, {}).get(f"popularity_lift@{K}", math.nan)
    if not math.isfinite(lift) or lift <= -1.0:
        return ""
    return f"{abs(lift):.0%} {'less' if lift < 0 else 'more'} popular"


def _lists(lists: Mapping[str, Mapping[str, float]]) -> dict[str, Any] | None:
    """The metrics of lists as a table; None if there are none."""
    names = list(dict.fromkeys(name for metrics in lists.values() for name in metrics))
    if not names:
        return None
    rows = [[who, *(format_metric(own.get(name)) for name in names)] for who, own in lists.items()]
    return {"header": ["", *map(metric_label, names)], "rows": rows}


def _attribution(attribution: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if attribution is None:
        return None
    rows = [
        [name, *(_signed(own[key]) for key in ("shapley_value", "ablation"))]
        for name, own in attribution["modalities"].items()
    ]
    return {
        "metric": metric_label(attribution["metric"]),
        "all_modalities": format_metric(attribution["all_modalities"]),
        "no_modalities": format_metric(attribution["no_modalities"]),
        "rows": rows,
    }


def _signed(own: Mapping[str, float]) -> str:
    return format_interval(own["mean"], own["low"], own["high"], sign="+")


def outcome_summaries(outcomes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Formats the metrics of ratings and clicks, by segment.

    Args:
        outcomes: as returned by `measure_outcomes`.
    """
    return [
        _outcome_summary(name, TITLES[segment], measured)
        for name, segments in outcomes.items()
        for segment, measured in segments.items()
        if measured is not None
    ]


def _outcome_summary(name: str, title: str, measured: Mapping[str, Any]) -> dict[str, Any]:
    rows = {who: row for who, row in measured.items() if isinstance(row, Mapping)}
    metrics = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    metric = objective_of(name).name
    errors = {who: row.get(metric, math.nan) for who, row in rows.items()}
    own = errors.pop(MODEL, math.nan)
    best = min(errors, key=lambda who: errors[who], default="")
    better = own < errors.get(best, math.nan)
    comparison = (
        f"{metric_label(metric)} {format_metric(own)} vs. {format_metric(errors.get(best))}"
    )
    return {
        "title": f"{name}s, {title.lower()}",
        "events": f"{measured['events']:,}",
        "better": better,
        "verdict": f"The error of the model is {'lower' if better else 'NOT lower'} than that of "
        f"the best baseline, {best}: {comparison}, without an interval",
        "header": ["", *(metric_label(metric) for metric in metrics)],
        "rows": [
            [who, *(format_metric(row.get(m), 4) for m in metrics)] for who, row in rows.items()
        ],
    }


def format_metric(value: float | None, digits: int = 3, *, sign: str = "") -> str:
    """Formats a metric; a dash if it is None or not finite."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:{sign}.{digits}f}"


def format_interval(
    mean: float | None, low: float | None, high: float | None, *, sign: str = ""
) -> str:
    """Formats a metric with its interval; without it if a bound is None or not finite."""
    if any(value is None or not math.isfinite(value) for value in (mean, low, high)):
        return format_metric(mean, sign=sign)
    return format(Interval(mean, low, high), sign)  # type: ignore[arg-type]
