"""The figures of an evaluation, as a model card tells them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tfmmrec.config.objective import objective_of
from tfmmrec.evaluation.metrics.bootstrap import Interval
from tfmmrec.evaluation.ranking.segment_result import MODEL, TITLES, K
from tfmmrec.evaluation.summary import verdict


def segment_summary(title: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """What a card says of a part of a ranking, in texts and rows of tables.

    Args:
        title: of the part.
        told: as `describe` gives it.
    """
    metrics, names = list(told[MODEL]), list(told["intervals"])
    slices = told.get("slices") or []
    ranked = _by_need(slices)
    state = _state(told["lead"])
    unknown = "Whether the model is ahead of the best baseline cannot be told."
    return {
        "title": title,
        **{name: f"{told[name]:,}" for name in ("targets", "users", "items")},
        "verdict": unknown if state == "unknown" else verdict(dict(told)),
        "state": state,
        "better": state == "ahead",
        "over": told["lead"]["over"],
        "rivals": [name for name in names if name != MODEL],
        "metrics": ["", *(metric.upper() for metric in metrics)],
        "rows": [_row(told, name, metrics) for name in names],
        "groups": [f"{group} ({' / '.join(parts)})" for group, parts in _groups(slices).items()],
        "worse": [_slice_row(own) for own in ranked if own["worse"]],
        "slices": [[*_slice_row(own), "worse" if own["worse"] else ""] for own in ranked],
        "of_users": _by_users(slices),
        "lists": _lists(told.get("lists") or {}),
        "lift": _lift(told),
        "shares": _shares(told.get("modalities")),
    }


def _row(told: Mapping[str, Any], name: str, metrics: Sequence[str]) -> list[str]:
    own = told["intervals"][name]
    return [name, *(spread(told[name].get(m), *own.get(m, (None, None))) for m in metrics)]


def _state(lead: Mapping[str, Any]) -> str:
    """Whether the model is `ahead`, `behind`, `even`, or there is no figure that tells."""
    if not all(math.isfinite(lead[end]) for end in ("mean", "low", "high")):
        return "unknown"
    return "ahead" if lead["low"] > 0 else "behind" if lead["high"] < 0 else "even"


def _by_need(slices: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Slices that are worse than the whole come first, the worst of them before the others."""
    return sorted(slices, key=lambda own: (not own["worse"], own["worse"] and own["mean"]))


def _slice_row(own: Mapping[str, Any]) -> list[str]:
    name = f"{own['group']}: {own['name']}"
    return [name, f"{own['targets']:,}", spread(own["mean"], own["low"], own["high"])]


def _groups(slices: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for own in slices:
        groups.setdefault(own["group"], []).append(own["name"])
    return groups


def _by_users(slices: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the model is worth to users of each category, a text for each feature."""
    own = [part for part in slices if part["group"].endswith(" of the user")]
    return [
        f"{group}: "
        + ", ".join(f"{p['name']} {figure(p['mean'])}" for p in own if p["group"] == group)
        for group in _groups(own)
    ]


def _lift(told: Mapping[str, Any]) -> str:
    """How much more popular the model's lists are than histories; "" where nobody knows.

    What nobody chose, as new items, has no popularity to compare.
    """
    lift = (told.get("lists") or {}).get(MODEL, {}).get(f"popularity_lift@{K}", math.nan)
    if not math.isfinite(lift) or lift <= -1.0:
        return ""
    return f"{abs(lift):.0%} {'less' if lift < 0 else 'more'} popular"


def _lists(lists: Mapping[str, Mapping[str, float]]) -> dict[str, Any] | None:
    """What lists are like, as a table; None where that was not measured."""
    names = list(dict.fromkeys(name for figures in lists.values() for name in figures))
    if not names:
        return None
    rows = [[who, *(figure(own.get(name)) for name in names)] for who, own in lists.items()]
    return {"header": ["", *names], "rows": rows}


def _shares(modalities: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if modalities is None:
        return None
    rows = [
        [name, *(_signed(own[key]) for key in ("share", "without"))]
        for name, own in modalities["modalities"].items()
    ]
    whole, nothing = figure(modalities["all"]), figure(modalities["nothing"])
    return {"metric": modalities["metric"].upper(), "all": whole, "nothing": nothing, "rows": rows}


def _signed(own: Mapping[str, float]) -> str:
    return spread(own["mean"], own["low"], own["high"], sign="+")


def outcome_summaries(outcomes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a card says of ratings and clicks, part by part, in texts and rows of tables.

    Args:
        outcomes: as `measure_outcomes` gives them.
    """
    return [
        _outcome_summary(name, TITLES[part], measured)
        for name, parts in outcomes.items()
        for part, measured in parts.items()
        if measured is not None
    ]


def _outcome_summary(name: str, title: str, measured: Mapping[str, Any]) -> dict[str, Any]:
    rows = {who: row for who, row in measured.items() if isinstance(row, Mapping)}
    metrics = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    metric = objective_of(name).name
    worths = {who: row.get(metric, math.nan) for who, row in rows.items()}
    own = worths.pop(MODEL, math.nan)
    best = min(worths, key=lambda who: worths[who], default="")
    better = own < worths.get(best, math.nan)
    against = f"{metric.upper()} {figure(own)} to {figure(worths.get(best))}"
    return {
        "title": f"{name}s, {title.lower()}",
        "events": f"{measured['events']:,}",
        "better": better,
        "verdict": f"The model errs {'less' if better else 'NOT less'} than the best baseline, "
        f"{best}: {against}, without an interval",
        "header": ["", *(metric.upper() for metric in metrics)],
        "rows": [[who, *(figure(row.get(m), 4) for m in metrics)] for who, row in rows.items()],
    }


def figure(value: float | None, digits: int = 3, *, sign: str = "") -> str:
    """Writes a figure; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:{sign}.{digits}f}"


def spread(mean: float | None, low: float | None, high: float | None, *, sign: str = "") -> str:
    """Writes a figure with its interval, or without where there is none."""
    if any(value is None or not math.isfinite(value) for value in (mean, low, high)):
        return figure(mean, sign=sign)
    return format(Interval(mean, low, high), sign)  # type: ignore[arg-type]
