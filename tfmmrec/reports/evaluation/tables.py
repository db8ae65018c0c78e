"""The tables of an evaluation and of a comparison, as their pages show them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from tfmmrec.evaluation.metrics.bootstrap import Interval
from tfmmrec.evaluation.ranking.segment_result import MODEL, K
from tfmmrec.reports.tables import Table


def segment_tables(title: str, told: Mapping[str, Any], models: Sequence[str]) -> Iterator[Table]:
    """The tables of a part.

    Args:
        title: what the figures are of.
        told: as `describe` gives it.
        models: whose figures are shown, in order.
    """
    metrics = list(told[MODEL])
    rows = [
        [name, *(_spread(told[name][m], *told["intervals"][name][m]) for m in metrics)]
        for name in models
    ]
    yield Table(title, ["", *(metric.upper() for metric in metrics)], rows)
    if told["by_user"] is not None:
        yield figures("Means over users, who have several choices each", told["by_user"])
    lists = {name: told["lists"][name] for name in models}
    yield figures(f"What lists of {K} are like", lists)
    worth = told.get("modalities")
    if worth is not None and worth["slices"]:
        yield _shares_by_slice(worth)


def figures(title: str, rows: Mapping[str, Mapping[str, float]], *, digits: int = 3) -> Table:
    """Figures by name; where one has none of a column, nothing stands there."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    cells = [
        [who, *(f"{row[name]:.{digits}f}" if name in row else "" for name in names)]
        for who, row in rows.items()
    ]
    return Table(title, ["", *names], cells)


def comparison(title: str, runs: Mapping[str, Mapping[str, Any]], metrics: Sequence[str]) -> Table:
    """Runs side by side, as `compare` tells them."""
    first = next(iter(runs))
    rows = []
    for name, told in runs.items():
        cells = [_spread(*(told[metric][key] for key in _KEYS)) for metric in metrics]
        rows.append([name, *cells, lead_told(told.get("lead"))])
    return Table(title, ["", *(m.upper() for m in metrics), f"NDCG@{K} − {first}"], rows)


def lead_told(lead: Mapping[str, float] | None) -> str:
    """Writes a difference with its interval and p; nothing where there is none."""
    if lead is None:
        return ""
    return f"{Interval(*(lead[key] for key in _KEYS)):+}, p {lead['p']:.4f}"


def _shares_by_slice(modalities: Mapping[str, Any]) -> Table:
    rows = [
        [
            f"{own['group']}: {own['name']}",
            f"{own['targets']:,}",
            *(f"{share:+.3f}" for share in own["shares"].values()),
        ]
        for own in modalities["slices"]
    ]
    title = f"What modalities are worth, slice by slice: shares of NDCG@{K}"
    return Table(title, ["", "choices", *modalities["modalities"]], rows)


_KEYS = ("mean", "low", "high")


def _spread(mean: float, low: float, high: float) -> Markup:
    return Markup(f"{mean:.3f} <small>{low:.3f} to {high:.3f}</small>")
