"""The plots of an evaluation, by Bokeh."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import bokeh.models
import bokeh.palettes
import bokeh.transform
import numpy as np

from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.reports.figure import MUTED, figure, legend_above

_COLORS = bokeh.palettes.Category10_10
_WORSE = "#d1493b"
# The number of neighbors that UMAP needs of each item.
_MIN_NEIGHBORS = 15
_CUTOFFS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
# The tooltip of an item; its image is embedded in the page.
_ITEM_TOOLTIP = """<div style="max-width:14rem"><img src="@picture" alt=""
 style="max-height:96px;display:@shown"><div><b>@name</b></div><div>{}</div></div>"""


def learning_curves(history: Sequence[Mapping[str, Any]], metric: str) -> Any:
    """The loss and the metric on valid by epoch."""
    plot = figure("epoch", "loss")
    epochs = [entry["epoch"] for entry in history]
    plot.line(epochs, [entry["loss"] for entry in history], color=_COLORS[0], legend_label="loss")
    validated = [entry for entry in history if metric in entry]
    if validated:
        values = [entry[metric] for entry in validated]
        plot.extra_y_ranges["valid"] = bokeh.models.Range1d(start=0, end=1.1 * max([*values, 1e-9]))
        plot.add_layout(bokeh.models.LinearAxis(y_range_name="valid", axis_label=metric), "right")
        epochs = [entry["epoch"] for entry in validated]
        name = f"{metric} on valid"
        plot.line(epochs, values, color=_COLORS[1], legend_label=name, y_range_name="valid")
    legend_above(plot)
    return plot


def by_cutoff(ranks: Mapping[str, np.ndarray], metric: str) -> Any:
    """A metric of each model, `hr` or `ndcg`, by the length of its lists."""
    plot = figure("length of the list, k", f"{metric.upper()}@k", x_axis_type="log")
    for place, (name, own) in enumerate(ranks.items()):
        means = {k: v.mean() for k, v in target_metrics(own, _CUTOFFS).items()}
        values = [means[f"{metric}@{k}"] for k in _CUTOFFS]
        color, width = _COLORS[place % len(_COLORS)], 3 if place == 0 else 1.5
        plot.line(_CUTOFFS, values, color=color, line_width=width, legend_label=name)
        plot.scatter(_CUTOFFS, values, color=color, size=4, legend_label=name)
    legend_above(plot)
    plot.add_tools(bokeh.models.HoverTool(tooltips=[("k", "@x"), (metric.upper(), "@y{0.000}")]))
    return plot


def models(intervals: Mapping[str, tuple[float, float | None, float | None]], metric: str) -> Any:
    """A metric of the model and its baselines with intervals, the best on top.

    Args:
        intervals: (mean, low, high) by name, the evaluated model first.
        metric: the label.
    """
    first = next(iter(intervals))
    order = sorted(intervals, key=lambda name: -intervals[name][0])
    colors = [_COLORS[0] if name == first else MUTED for name in order]
    return _intervals(metric, order, [intervals[name] for name in order], colors)


def slices(group: Sequence[Mapping[str, Any]], whole: float) -> Any:
    """NDCG@10 of the slices of a group with intervals; slices that are worse are red."""
    names = [f"{own['name']} ({own['targets']:,})" for own in group]
    rows = [(own["mean"], own["low"], own["high"]) for own in group]
    colors = [_WORSE if own["worse"] else _COLORS[0] for own in group]
    plot = _intervals("NDCG@10", names, rows, colors)
    plot.vspan([whole], color=MUTED, line_dash="dashed")
    return plot


def _intervals(
    metric: str,
    names: Sequence[str],
    rows: Sequence[tuple[float, float | None, float | None]],
    colors: Sequence[str],
) -> Any:
    """A dot with its interval per name, the first on top."""
    data = {
        "y": names[::-1],
        "x": [mean for mean, _, _ in rows][::-1],
        # Without an interval (too few users) there is only the dot.
        "low": [mean if low is None else low for mean, low, _ in rows][::-1],
        "high": [mean if high is None else high for mean, _, high in rows][::-1],
        "color": colors[::-1],
    }
    source = bokeh.models.ColumnDataSource(data)
    plot = figure(metric, None, y_range=list(names[::-1]), height=70 + 26 * len(names))
    plot.segment("low", "y", "high", "y", source=source, color="color", line_width=2)
    dots = plot.scatter("x", "y", source=source, color="color", size=8)
    shown = [(metric, "@x{0.000} [@low{0.000}, @high{0.000}]")]
    plot.add_tools(bokeh.models.HoverTool(tooltips=shown, renderers=[dots]))
    plot.x_range.start = 0
    return plot


def attribution(summary: Mapping[str, Any]) -> Any:
    """Shapley value and ablation of each modality, as returned by `attribute_metric`."""
    names = list(summary["modalities"])[::-1]
    plot = figure(summary["metric"].upper(), None, y_range=names, height=110 + 48 * len(names))
    for key, label, offset in (
        ("shapley_value", "Shapley value", 0.18),
        ("ablation", "loss without it", -0.18),
    ):
        own = [summary["modalities"][name][key] for name in names]
        source = bokeh.models.ColumnDataSource(
            {
                "name": names,
                **{
                    k: [row["mean"] if row[k] is None else row[k] for row in own]
                    for k in ("mean", "low", "high")
                },
            }
        )
        y = bokeh.transform.dodge("name", offset, range=plot.y_range)
        color = _COLORS[0 if key == "shapley_value" else 1]
        bars = plot.hbar(
            y, right="mean", height=0.3, source=source, color=color, legend_label=label
        )
        plot.segment("low", y, "high", y, source=source, color=MUTED)
        shown = [(label, "@mean{0.000} [@low{0.000}, @high{0.000}]")]
        plot.add_tools(bokeh.models.HoverTool(tooltips=shown, renderers=[bars]))
    legend_above(plot)
    return plot


def calibration(curve: Sequence[Mapping[str, float]]) -> Any:
    """Predicted and observed click rates, as returned by `OutcomeTargets.calibration_curve`."""
    plot = figure("predicted probability", "observed click rate")
    columns = {key: [own[key] for own in curve] for key in ("predicted", "observed", "events")}
    highest = max(*columns["predicted"], *columns["observed"])
    plot.line([0.0, highest], [0.0, highest], color=MUTED, line_dash="dashed")
    source = bokeh.models.ColumnDataSource(columns)
    plot.line("predicted", "observed", source=source, color=_COLORS[0])
    dots = plot.scatter("predicted", "observed", source=source, color=_COLORS[0], size=8)
    shown = [
        ("predicted", "@predicted{0.000}"),
        ("observed", "@observed{0.000}"),
        ("events", "@events"),
    ]
    plot.add_tools(bokeh.models.HoverTool(tooltips=shown, renderers=[dots]))
    return plot


def item_map(vectors: np.ndarray, groups: Sequence[str], items: Mapping[str, Sequence[str]]) -> Any:
    """Item embeddings in two dimensions, see `project`.

    Args:
        vectors: `[items, width]`.
        groups: the group of each item, which sets its color.
        items: `name`, `picture` and `shown` of each, as `ItemCards.columns` gives them.
    """
    positions = project(vectors)
    plot = figure(None, None, height=480)
    for place, group in enumerate(dict.fromkeys(groups)):
        rows = [row for row, own in enumerate(groups) if own == group]
        columns = {key: [values[row] for row in rows] for key, values in items.items()}
        points = {"x": positions[rows, 0], "y": positions[rows, 1], **columns}
        source = bokeh.models.ColumnDataSource(points)
        color = _COLORS[place % len(_COLORS)]
        plot.scatter("x", "y", source=source, color=color, alpha=0.7, legend_label=group)
    legend_above(plot)
    plot.add_tools(bokeh.models.HoverTool(tooltips=_ITEM_TOOLTIP.format(""), attachment="right"))
    plot.axis.visible = plot.grid.visible = False
    return plot


def project(vectors: np.ndarray) -> np.ndarray:
    """Projects embeddings `[items, width]` to two dimensions, `[items, 2]`.

    By UMAP with cosine distances if umap-learn is installed (McInnes et al. 2018,
    arXiv:1802.03426), else by the first two principal components.
    """
    if importlib.util.find_spec("umap") is not None and len(vectors) > _MIN_NEIGHBORS:
        import umap

        return umap.UMAP(metric="cosine", random_state=0, n_jobs=1).fit_transform(vectors)
    centered = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    return centered @ axes[:2].T


def popularity(
    counts: np.ndarray, num_lists: np.ndarray, items: Mapping[str, Sequence[str]]
) -> Any:
    """The number of lists that contain each item, by the number of its earlier events."""
    plot = figure("earlier events, plus 1", "lists that contain the item", x_axis_type="log")
    points = {"x": counts + 1, "y": num_lists, **items}
    source = bokeh.models.ColumnDataSource(points)
    plot.scatter("x", "y", source=source, color=_COLORS[0], alpha=0.5)
    tooltip = _ITEM_TOOLTIP.format("earlier events plus 1: @x; in @y lists")
    plot.add_tools(bokeh.models.HoverTool(tooltips=tooltip))
    return plot
