"""The plots of a search, drawn by Bokeh."""

from collections.abc import Mapping, Sequence
from typing import Any

import bokeh.models
import bokeh.palettes
import numpy as np

from tfmmrec.reports.figure import MUTED, figure, legend_above
from tfmmrec.reports.tuning.ternary import CORNERS, by_modality, greatest_three, positions
from tfmmrec.tuning.axes import OFF, Axis, varying
from tfmmrec.tuning.best_trial import (
    Trial,
    best_trial,
    finished_trials,
    is_rerun,
    metric_of,
    metric_values,
)
from tfmmrec.tuning.formatting import format_trial

_SEARCH, _RERUN = bokeh.palettes.Category10_10[:2]
_FAILED = "#d1493b"
# From grey to red; all are visible on a light and on a dark page.
_PALETTE = bokeh.palettes.interp_palette(("#b4b8be", "#e0862f", "#c8351f"), 256)
# The percentage of trials with the worst color, so that one collapsed trial does not compress the
# color scale of the others.
_PALE = 20
_TOOLTIP = '<div style="white-space: pre-line; max-width: 24rem">@text</div>'


def coordinates(search: Mapping[str, Any]) -> Any | None:
    """Parallel coordinates: a line per trial through its value of each hyperparameter.

    The last axis is the objective. None if no hyperparameter varies.
    """
    name, trials = search["objective"]["name"], _best_last(search)
    varied = varying(search["space"], trials)
    if not varied:
        return None
    values = metric_values(trials, name)
    last = Axis(name, ends=(min(values), max(values)))
    axes = [*varied, last]
    rows = [{**trial["values"], name: v} for trial, v in zip(trials, values, strict=True)]
    lines = [[axis.position(row) for axis in axes] for row in rows]
    source = bokeh.models.ColumnDataSource(
        {
            "xs": [list(range(len(axes)))] * len(trials),
            "ys": lines,
            "metric": values,
            "width": [5.0 if t["trial"] == best_trial(search) else 1.5 for t in trials],
            "text": [format_trial(trial, name) for trial in trials],
        }
    )
    limits = {"x_range": (-0.3, len(varied) + 0.7), "y_range": (OFF - 0.1, 1.1)}
    plot = figure(None, None, height=440, min_width=90 * len(axes), **limits)
    color = {"field": "metric", "transform": _mapper(values, search["objective"])}
    look = {"line_color": color, "line_width": "width", "line_alpha": 0.75}
    plot.multi_line("xs", "ys", source=source, **look)
    # An invisible wide line is easier to hover over.
    wide = {"line_width": 8, "line_alpha": 0, "hover_line_alpha": 0.3, "hover_line_color": MUTED}
    hovered = plot.multi_line("xs", "ys", source=source, **wide)
    _add_tooltip(plot, hovered)
    for x, axis in enumerate(axes):
        _draw_axis(plot, x, axis, is_off=any(line[x] == OFF for line in lines))
    plot.xaxis.ticker = list(range(len(axes)))
    prefix, names = without_prefix([axis.name for axis in varied])
    plot.xaxis.major_label_overrides = dict(enumerate([*names, name]))
    plot.xaxis.axis_label = prefix or None
    plot.xaxis.major_label_orientation = 0.5
    plot.yaxis.visible = plot.grid.visible = False
    return plot


def without_prefix(names: Sequence[str]) -> tuple[str, list[str]]:
    """Parts nested keys into what all begin with and the rests, of which none is empty.

    >>> without_prefix(["fusion.weights.title", "fusion.weights.year"])
    ('fusion.weights', ['title', 'year'])
    """
    parts = [name.split(".") for name in names]
    shared = 0
    while (
        all(len(each) > shared + 1 for each in parts) and len({each[shared] for each in parts}) == 1
    ):
        shared += 1
    return ".".join(parts[0][:shared]), [".".join(each[shared:]) for each in parts]


def importance_bars(shares: Mapping[str, float]) -> Any | None:
    """Hyperparameter importance, the greatest on top; None if all are 0."""
    if not any(shares.values()):
        return None
    names = list(shares)[::-1]
    plot = figure("share", None, y_range=names, height=90 + 24 * len(names))
    source = bokeh.models.ColumnDataSource({"name": names, "share": [shares[n] for n in names]})
    plot.hbar("name", right="share", height=0.6, source=source, color=_SEARCH)
    plot.add_tools(bokeh.models.HoverTool(tooltips=[("share", "@share{0.000}")]))
    plot.x_range.start = 0
    return plot


def over_time(search: Mapping[str, Any]) -> Any | None:
    """The metric of each trial over the minutes until its end, and the best so far.

    None without trials.
    """
    name = search["objective"]["name"]
    if not search["trials"]:
        return None
    first = min(trial["started"] for trial in search["trials"])
    trials = sorted(search["trials"], key=lambda trial: trial["ended"])
    values = metric_values(trials, name)
    low, high = min(values, default=0.0), max(values, default=1.0)
    floor = low - 0.08 * ((high - low) or 1.0)
    plot = figure("minutes", name)

    def minutes(those: Sequence[Trial]) -> list[float]:
        return [(trial["ended"] - first) / 60 for trial in those]

    def dots(those: Sequence[Trial], label: str, color: str, marker: str = "circle") -> None:
        if not those:
            return
        heights = [floor if (value := metric_of(trial, name)) is None else value for trial in those]
        lines = [format_trial(trial, name) for trial in those]
        source = bokeh.models.ColumnDataSource({"x": minutes(those), "y": heights, "text": lines})
        drawn = plot.scatter(
            "x", "y", source=source, color=color, marker=marker, size=8, legend_label=label
        )
        _add_tooltip(plot, drawn)

    searched = finished_trials(trials, name)
    best = np.maximum if search["objective"]["direction"] == "max" else np.minimum
    if searched:
        so_far = best.accumulate(metric_values(searched, name))
        plot.step(minutes(searched), so_far, mode="after", color=MUTED, legend_label="best so far")
    dots(searched, "search", _SEARCH)
    dots([t for t in trials if is_rerun(t) and metric_of(t, name) is not None], "rerun", _RERUN)
    dots([t for t in trials if metric_of(t, name) is None], "failed", _FAILED, "x")
    legend_above(plot)
    return plot


def weights(search: Mapping[str, Any]) -> Any | None:
    """A ternary plot of the fusion weights of the trials, summed by modality.

    Its corners are the three modalities with the largest weights. None if fewer have weights.
    """
    name = search["objective"]["name"]
    trials = [trial for trial in _best_last(search) if trial.get("weights")]
    sums = [by_modality(trial["weights"], search["modalities"]) for trial in trials]
    corners = greatest_three(sums)
    if len(corners) < 3:
        return None
    rows = np.array([[each.get(corner, 0.0) for corner in corners] for each in sums])
    is_shown = rows.sum(axis=1) > 0
    trials = [trial for trial, shown in zip(trials, is_shown, strict=True) if shown]
    points = positions(rows[is_shown])
    is_best = [trial["trial"] == best_trial(search) for trial in trials]
    values = metric_values(trials, name)
    source = bokeh.models.ColumnDataSource(
        {
            "x": points[:, 0],
            "y": points[:, 1],
            "metric": values,
            "size": [16 if best else 9 for best in is_best],
            "edge": [_RERUN if best else MUTED for best in is_best],
            "text": [_format_weights(trial, name) for trial in trials],
        }
    )
    limits = {"x_range": (-0.25, 1.25), "y_range": (-0.15, 1.0)}
    plot = figure(None, None, height=400, match_aspect=True, **limits)
    plot.patch(CORNERS[:, 0], CORNERS[:, 1], fill_color=None, line_color=MUTED)
    color = {"field": "metric", "transform": _mapper(values, search["objective"])}
    drawn = plot.scatter("x", "y", source=source, color=color, size="size", line_color="edge")
    _add_tooltip(plot, drawn)
    for corner, (x, y), down in zip(corners, CORNERS, (20, 20, -6), strict=True):
        plot.text([x], [y], text=[corner], text_color=MUTED, text_align="center", y_offset=down)
    plot.axis.visible = plot.grid.visible = False
    return plot


def finalists_plot(search: Mapping[str, Any]) -> Any | None:
    """The metric of each finalist in the search, with other seeds, and the mean of these.

    None without finalists.
    """
    finalists = search["finalists"]
    if not finalists:
        return None
    names = [f"trial {f['trial']}{' (best)' if f.get('best') else ''}" for f in finalists]
    plot = figure(
        search["objective"]["name"], None, y_range=names[::-1], height=120 + 40 * len(finalists)
    )

    def marks(label: str, pairs: Sequence[tuple[float, str]], **look: Any) -> None:
        if pairs:
            x, y = zip(*pairs, strict=True)
            plot.scatter(x, y, legend_label=label, **look)

    rows = list(zip(finalists, names, strict=True))
    means = [(f["mean"], name) for f, name in rows if f["seeds"]]
    others = [(value, name) for f, name in rows for value in f["seeds"].values()]
    bar = {"marker": "dash", "angle": np.pi / 2, "size": 26, "line_width": 4}
    ring = {"size": 11, "fill_color": None, "line_width": 2, "line_color": _SEARCH}
    marks("mean of other seeds", means, color=_RERUN, **bar)
    marks("other seeds", others, color=_RERUN, size=7, alpha=0.8)
    marks("in the search", [(f["search_metric"], name) for f, name in rows], **ring)
    plot.add_tools(bokeh.models.HoverTool(tooltips=[("", "@y: @x{0.0000}")]))
    legend_above(plot)
    return plot


def _best_last(search: Mapping[str, Any]) -> list[Trial]:
    """The finished trials, sorted so that better ones are drawn over the others."""
    objective = search["objective"]
    name, sign = objective["name"], 1 if objective["direction"] == "max" else -1
    trials, best = finished_trials(search["trials"], name), best_trial(search)
    pairs = zip(trials, metric_values(trials, name), strict=True)
    worth = {trial["trial"]: sign * value for trial, value in pairs}
    # The best trial with other seeds may differ from the best one in the search.
    return sorted(trials, key=lambda t: (t["trial"] == best, worth[t["trial"]]))


def _mapper(values: Sequence[float], objective: Mapping[str, str]) -> Any:
    """Maps the objective to colors: from grey to red, the best."""
    if objective["direction"] == "max":
        ends, palette = (float(np.percentile(values, _PALE)), max(values)), _PALETTE
    else:
        ends, palette = (min(values), float(np.percentile(values, 100 - _PALE))), _PALETTE[::-1]
    return bokeh.models.LinearColorMapper(palette=palette, low=ends[0], high=ends[1])


def _draw_axis(plot: Any, x: int, axis: Axis, *, is_off: bool) -> None:
    """Draws a vertical axis with its ticks."""
    plot.segment([x], [0], [x], [1], color=MUTED)
    ticks = [*axis.ticks(), (OFF, "off")] if is_off else axis.ticks()
    heights, labels = zip(*ticks, strict=True)
    plot.scatter([x] * len(ticks), heights, marker="dash", size=7, color=MUTED)
    plot.text(
        [x] * len(ticks),
        heights,
        text=labels,
        x_offset=7,
        text_color=MUTED,
        text_font_size="11px",
        text_baseline="middle",
    )


def _add_tooltip(plot: Any, drawn: Any) -> None:
    """Shows the column `text` of the element under the mouse."""
    plot.add_tools(bokeh.models.HoverTool(tooltips=_TOOLTIP, renderers=[drawn]))


def _format_weights(trial: Trial, metric: str) -> str:
    weights = (f"weight of {feature}: {weight:.2f}" for feature, weight in trial["weights"].items())
    return "\n".join([format_trial(trial, metric), *weights])
