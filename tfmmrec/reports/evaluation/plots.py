"""The plots of an evaluation, by Bokeh."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import bokeh.models
import bokeh.palettes
import bokeh.transform
import numpy as np

from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.reports.figure import figure

_COLOURS = bokeh.palettes.Category10_10
_WORSE = "#b3382c"
# UMAP looks at so many neighbours of each item.
_LEAST_NEIGHBOURS = 15
_CUTOFFS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
# What hovering shows of an item; the picture stands in the page itself.
_ITEM_TOOLTIP = """<div style="max-width:14rem"><img src="@picture" alt=""
 style="max-height:96px;display:@shown"><div><b>@name</b></div><div>{}</div></div>"""


def learning_curves(history: Sequence[Mapping[str, Any]], metric: str) -> Any:
    """The loss of each epoch, and what valid said."""
    plot = figure("epoch", "loss")
    epochs = [entry["epoch"] for entry in history]
    plot.line(epochs, [entry["loss"] for entry in history], color=_COLOURS[0], legend_label="loss")
    told = [entry for entry in history if metric in entry]
    if told:
        values = [entry[metric] for entry in told]
        plot.extra_y_ranges["valid"] = bokeh.models.Range1d(start=0, end=1.1 * max([*values, 1e-9]))
        plot.add_layout(bokeh.models.LinearAxis(y_range_name="valid", axis_label=metric), "right")
        places = [entry["epoch"] for entry in told]
        name = f"{metric} on valid"
        plot.line(places, values, color=_COLOURS[1], legend_label=name, y_range_name="valid")
    plot.legend.location = "center_right"
    return plot


def by_cutoff(ranks: Mapping[str, np.ndarray], metric: str) -> Any:
    """A metric, `hr` or `ndcg`, of each model by the length of its lists."""
    plot = figure("length of the list, k", f"{metric.upper()}@k", x_axis_type="log")
    for place, (name, own) in enumerate(ranks.items()):
        means = {k: v.mean() for k, v in target_metrics(own, _CUTOFFS).items()}
        values = [means[f"{metric}@{k}"] for k in _CUTOFFS]
        colour, width = _COLOURS[place % len(_COLOURS)], 3 if place == 0 else 1.5
        plot.line(_CUTOFFS, values, color=colour, line_width=width, legend_label=name)
        plot.scatter(_CUTOFFS, values, color=colour, size=4, legend_label=name)
    plot.legend.location = "top_left"
    plot.legend.click_policy = "hide"
    plot.add_tools(bokeh.models.HoverTool(tooltips=[("k", "@x"), (metric.upper(), "@y{0.000}")]))
    return plot


def slices(group: Sequence[Mapping[str, Any]], whole: float) -> Any:
    """The NDCG@10 of the slices of a group with their intervals; those that are worse in red."""
    names = [f"{part['name']} ({part['targets']:,})" for part in group][::-1]
    data = {
        "y": names,
        "x": [part["mean"] for part in group][::-1],
        "low": [part["low"] for part in group][::-1],
        "high": [part["high"] for part in group][::-1],
        "colour": [_WORSE if part["worse"] else _COLOURS[0] for part in group][::-1],
    }
    source = bokeh.models.ColumnDataSource(data)
    plot = figure("NDCG@10", None, y_range=names, height=70 + 26 * len(names))
    plot.segment("low", "y", "high", "y", source=source, color="colour", line_width=2)
    dots = plot.scatter("x", "y", source=source, color="colour", size=8)
    plot.vspan([whole], color="grey", line_dash="dashed")
    shown = [("NDCG@10", "@x{0.000} [@low{0.000}, @high{0.000}]")]
    plot.add_tools(bokeh.models.HoverTool(tooltips=shown, renderers=[dots]))
    plot.x_range.start = 0
    return plot


def modalities(told: Mapping[str, Any]) -> Any:
    """What each modality is worth, as `attribute_metric` tells it."""
    names = list(told["modalities"])[::-1]
    plot = figure(told["metric"].upper(), None, y_range=names, height=110 + 48 * len(names))
    for key, label, offset in (
        ("share", "Shapley share", 0.18),
        ("without", "lost without it", -0.18),
    ):
        own = [told["modalities"][name][key] for name in names]
        source = bokeh.models.ColumnDataSource(
            {"name": names, **{k: [row[k] for row in own] for k in ("mean", "low", "high")}}
        )
        y = bokeh.transform.dodge("name", offset, range=plot.y_range)
        colour = _COLOURS[0 if key == "share" else 1]
        bars = plot.hbar(
            y, right="mean", height=0.3, source=source, color=colour, legend_label=label
        )
        plot.segment("low", y, "high", y, source=source, color="black")
        shown = [(label, "@mean{0.000} [@low{0.000}, @high{0.000}]")]
        plot.add_tools(bokeh.models.HoverTool(tooltips=shown, renderers=[bars]))
    plot.add_layout(plot.legend[0], "above")
    plot.legend.orientation = "horizontal"
    return plot


def calibration(curve: Sequence[Mapping[str, float]]) -> Any:
    """What a model says of clicks and what comes, as `OutcomeTargets.curve` has it."""
    plot = figure("probability that is predicted", "share that is clicked")
    columns = {key: [own[key] for own in curve] for key in ("predicted", "observed", "events")}
    highest = max(*columns["predicted"], *columns["observed"])
    plot.line([0.0, highest], [0.0, highest], color="grey", line_dash="dashed")
    source = bokeh.models.ColumnDataSource(columns)
    plot.line("predicted", "observed", source=source, color=_COLOURS[0])
    dots = plot.scatter("predicted", "observed", source=source, color=_COLOURS[0], size=8)
    shown = [("predicted", "@predicted{0.000}"), ("came", "@observed{0.000}"), ("of", "@events")]
    plot.add_tools(bokeh.models.HoverTool(tooltips=shown, renderers=[dots]))
    return plot


def item_map(vectors: np.ndarray, groups: Sequence[str], items: Mapping[str, Sequence[str]]) -> Any:
    """Items in a plane, see `plane`.

    Args:
        vectors: `[items, width]`.
        groups: what each is coloured by.
        items: `name`, `picture` and `shown` of each, as `ItemCards.columns` gives them.
    """
    places = plane(vectors)
    plot = figure(None, None, height=480)
    for place, group in enumerate(dict.fromkeys(groups)):
        rows = [row for row, own in enumerate(groups) if own == group]
        columns = {key: [values[row] for row in rows] for key, values in items.items()}
        points = {"x": places[rows, 0], "y": places[rows, 1], **columns}
        source = bokeh.models.ColumnDataSource(points)
        colour = _COLOURS[place % len(_COLOURS)]
        plot.scatter("x", "y", source=source, color=colour, alpha=0.7, legend_label=group)
    plot.legend.click_policy = "hide"
    plot.add_tools(bokeh.models.HoverTool(tooltips=_ITEM_TOOLTIP.format(""), attachment="right"))
    plot.axis.visible = plot.grid.visible = False
    return plot


def plane(vectors: np.ndarray) -> np.ndarray:
    """Brings vectors `[items, width]` into a plane, `[items, 2]`.

    By UMAP of their cosines where umap-learn is installed (McInnes et al. 2018, arXiv:1802.03426),
    else by their first two principal components.
    """
    if importlib.util.find_spec("umap") is not None and len(vectors) > _LEAST_NEIGHBOURS:
        import umap

        return umap.UMAP(metric="cosine", random_state=0, n_jobs=1).fit_transform(vectors)
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:2].T


def popularity(
    before: np.ndarray, recommended: np.ndarray, items: Mapping[str, Sequence[str]]
) -> Any:
    """How often lists name items, by how often these were chosen before."""
    plot = figure("choices before, plus 1", "lists that name it", x_axis_type="log")
    points = {"x": before + 1, "y": recommended, **items}
    source = bokeh.models.ColumnDataSource(points)
    plot.scatter("x", "y", source=source, color=_COLOURS[0], alpha=0.5)
    told = _ITEM_TOOLTIP.format("chosen @x times, plus 1; in @y lists")
    plot.add_tools(bokeh.models.HoverTool(tooltips=told))
    return plot
