"""The plots of a search, by Bokeh."""

from collections.abc import Mapping, Sequence
from typing import Any

import bokeh.models
import bokeh.palettes
import numpy as np

from tfmmrec.reports.figure import figure
from tfmmrec.reports.tuning.ternary import CORNERS, by_modality, greatest_three, places
from tfmmrec.tuning.axes import OFF, Axis, varying
from tfmmrec.tuning.best_trial import Trial, best_trial, figures, finished, is_rerun, reached
from tfmmrec.tuning.formatting import trial_told

_SEARCH, _RERUN = bokeh.palettes.Category10_10[:2]
_FAILED = "#b3382c"
# Colours run from pale yellow, which white would swallow, to dark violet.
_PALETTE = bokeh.palettes.Viridis256[240::-1]
# Of all trials so many of a hundred have the worst colour, so that a collapsed one does not leave
# a single colour to all others.
_PALE = 20
_TOOLTIP = '<div style="white-space: pre-line; max-width: 24rem">@told</div>'


def coordinates(told: Mapping[str, Any]) -> Any | None:
    """A line a trial through its place on the axis of each hyperparameter that varies.

    The last axis is the objective. None where nothing varies.
    """
    name, kept = told["objective"]["name"], _best_last(told)
    varied = varying(told["space"], kept)
    if not varied:
        return None
    reach = figures(kept, name)
    last = Axis(name, ends=(min(reach), max(reach)))
    axes = [*varied, last]
    rows = [{**trial["values"], name: own} for trial, own in zip(kept, reach, strict=True)]
    lines = [[axis.place(row) for axis in axes] for row in rows]
    source = bokeh.models.ColumnDataSource(
        {
            "xs": [list(range(len(axes)))] * len(kept),
            "ys": lines,
            "reached": reach,
            "width": [5.0 if t["trial"] == best_trial(told) else 1.5 for t in kept],
            "told": [trial_told(trial, name) for trial in kept],
        }
    )
    limits = {"x_range": (-0.3, len(varied) + 0.7), "y_range": (OFF - 0.1, 1.1)}
    plot = figure(None, None, height=440, min_width=90 * len(axes), **limits)
    colour = {"field": "reached", "transform": _mapper(reach, told["objective"])}
    look = {"line_color": colour, "line_width": "width", "line_alpha": 0.75}
    plot.multi_line("xs", "ys", source=source, **look)
    # Wide enough for a mouse to meet; it shows the trial that is met.
    wide = {"line_width": 8, "line_alpha": 0, "hover_line_alpha": 0.3, "hover_line_color": "black"}
    met = plot.multi_line("xs", "ys", source=source, **wide)
    _tell(plot, met)
    for x, axis in enumerate(axes):
        _upright(plot, x, axis, is_off=any(line[x] == OFF for line in lines))
    plot.xaxis.ticker = list(range(len(axes)))
    plot.xaxis.major_label_overrides = {x: axis.name for x, axis in enumerate(axes)}
    plot.xaxis.major_label_orientation = 0.5
    plot.yaxis.visible = plot.grid.visible = False
    return plot


def importance_bars(shares: Mapping[str, float]) -> Any | None:
    """What each hyperparameter counts, the greatest on top; None where none counts."""
    if not any(shares.values()):
        return None
    names = list(shares)[::-1]
    plot = figure("share", None, y_range=names, height=90 + 24 * len(names))
    source = bokeh.models.ColumnDataSource({"name": names, "share": [shares[n] for n in names]})
    plot.hbar("name", right="share", height=0.6, source=source, color=_SEARCH)
    plot.add_tools(bokeh.models.HoverTool(tooltips=[("share", "@share{0.000}")]))
    plot.x_range.start = 0
    return plot


def over_time(told: Mapping[str, Any]) -> Any | None:
    """What trials reached by the minute of their end, and the best so far.

    None where there are no trials.
    """
    name = told["objective"]["name"]
    if not told["trials"]:
        return None
    first = min(trial["started"] for trial in told["trials"])
    trials = sorted(told["trials"], key=lambda trial: trial["ended"])
    reach = figures(trials, name)
    low, high = min(reach, default=0.0), max(reach, default=1.0)
    floor = low - 0.08 * ((high - low) or 1.0)
    plot = figure("minutes", name)

    def minutes(those: Sequence[Trial]) -> list[float]:
        return [(trial["ended"] - first) / 60 for trial in those]

    def dots(those: Sequence[Trial], label: str, colour: str, marker: str = "circle") -> None:
        if not those:
            return
        heights = [floor if (own := reached(trial, name)) is None else own for trial in those]
        lines = [trial_told(trial, name) for trial in those]
        source = bokeh.models.ColumnDataSource({"x": minutes(those), "y": heights, "told": lines})
        drawn = plot.scatter(
            "x", "y", source=source, color=colour, marker=marker, size=8, legend_label=label
        )
        _tell(plot, drawn)

    searched = finished(trials, name)
    best = np.maximum if told["objective"]["direction"] == "max" else np.minimum
    if searched:
        so_far = best.accumulate(figures(searched, name))
        plot.step(minutes(searched), so_far, mode="after", color="grey", legend_label="best so far")
    dots(searched, "search", _SEARCH)
    dots([t for t in trials if is_rerun(t) and reached(t, name) is not None], "re-run", _RERUN)
    dots([t for t in trials if reached(t, name) is None], "failed", _FAILED, "x")
    plot.add_layout(plot.legend[0], "above")
    plot.legend.orientation = "horizontal"
    return plot


def weights(told: Mapping[str, Any]) -> Any | None:
    """The fusion's weights of trials, summed by modality, in a triangle.

    Its corners are the three modalities that weigh most. None where fewer have weights.
    """
    name = told["objective"]["name"]
    kept = [trial for trial in _best_last(told) if trial.get("weights")]
    sums = [by_modality(trial["weights"], told["modalities"]) for trial in kept]
    corners = greatest_three(sums)
    if len(corners) < 3:
        return None
    rows = np.array([[own.get(corner, 0.0) for corner in corners] for own in sums])
    has_place = rows.sum(axis=1) > 0
    kept = [trial for trial, has in zip(kept, has_place, strict=True) if has]
    where = places(rows[has_place])
    is_best = [trial["trial"] == best_trial(told) for trial in kept]
    reach = figures(kept, name)
    source = bokeh.models.ColumnDataSource(
        {
            "x": where[:, 0],
            "y": where[:, 1],
            "reached": reach,
            "size": [16 if best else 9 for best in is_best],
            "edge": ["black" if best else "white" for best in is_best],
            "told": [_weights_told(trial, name) for trial in kept],
        }
    )
    limits = {"x_range": (-0.25, 1.25), "y_range": (-0.15, 1.0)}
    plot = figure(None, None, height=400, match_aspect=True, **limits)
    plot.patch(CORNERS[:, 0], CORNERS[:, 1], fill_color=None, line_color="grey")
    colour = {"field": "reached", "transform": _mapper(reach, told["objective"])}
    drawn = plot.scatter("x", "y", source=source, color=colour, size="size", line_color="edge")
    _tell(plot, drawn)
    for corner, (x, y), down in zip(corners, CORNERS, (20, 20, -6), strict=True):
        plot.text([x], [y], text=[corner], text_align="center", y_offset=down)
    plot.axis.visible = plot.grid.visible = False
    return plot


def finalists(told: Mapping[str, Any]) -> Any | None:
    """What each finalist reached in the search, with other seeds, and in the mean of these.

    None where there are no finalists.
    """
    own = told["finalists"]
    if not own:
        return None
    names = [f"trial {f['trial']}{' (best)' if f.get('best') else ''}" for f in own]
    plot = figure(told["objective"]["name"], None, y_range=names[::-1], height=120 + 40 * len(own))

    def marks(label: str, pairs: Sequence[tuple[float, str]], **look: Any) -> None:
        if pairs:
            x, y = zip(*pairs, strict=True)
            plot.scatter(x, y, legend_label=label, **look)

    rows = list(zip(own, names, strict=True))
    means = [(f["mean"], name) for f, name in rows if f["seeds"]]
    others = [(value, name) for f, name in rows for value in f["seeds"].values()]
    bar = {"marker": "dash", "angle": np.pi / 2, "size": 26, "line_width": 4}
    ring = {"size": 11, "fill_color": None, "line_width": 2, "line_color": _SEARCH}
    marks("mean of other seeds", means, color=_RERUN, **bar)
    marks("other seeds", others, color=_RERUN, size=7, alpha=0.8)
    marks("found", [(f["found"], name) for f, name in rows], **ring)
    plot.add_tools(bokeh.models.HoverTool(tooltips=[("", "@y: @x{0.0000}")]))
    plot.add_layout(plot.legend[0], "above")
    plot.legend.orientation = "horizontal"
    return plot


def _best_last(told: Mapping[str, Any]) -> list[Trial]:
    """The finished trials of the search, so that the better ones are drawn over the others."""
    name, sign = told["objective"]["name"], 1 if told["objective"]["direction"] == "max" else -1
    kept, best = finished(told["trials"], name), best_trial(told)
    worth = {t["trial"]: sign * v for t, v in zip(kept, figures(kept, name), strict=True)}
    # The best with other seeds need not be the best that was found.
    return sorted(kept, key=lambda t: (t["trial"] == best, worth[t["trial"]]))


def _mapper(reach: Sequence[float], objective: Mapping[str, str]) -> Any:
    """Colours by the objective, the darker the better."""
    if objective["direction"] == "max":
        ends, palette = (float(np.percentile(reach, _PALE)), max(reach)), _PALETTE
    else:
        ends, palette = (min(reach), float(np.percentile(reach, 100 - _PALE))), _PALETTE[::-1]
    return bokeh.models.LinearColorMapper(palette=palette, low=ends[0], high=ends[1])


def _upright(plot: Any, x: int, axis: Axis, *, is_off: bool) -> None:
    """Draws an axis with what stands on it."""
    plot.segment([x], [0], [x], [1], color="black")
    marks = [*axis.marks(), (OFF, "off")] if is_off else axis.marks()
    heights, labels = zip(*marks, strict=True)
    plot.scatter([x] * len(marks), heights, marker="dash", size=7, color="black")
    plot.text(
        [x] * len(marks),
        heights,
        text=labels,
        x_offset=7,
        text_font_size="11px",
        text_baseline="middle",
        background_fill_color="white",
        background_fill_alpha=0.8,
    )


def _tell(plot: Any, drawn: Any) -> None:
    """Shows the column `told` of what the mouse is on."""
    plot.add_tools(bokeh.models.HoverTool(tooltips=_TOOLTIP, renderers=[drawn]))


def _weights_told(trial: Trial, metric: str) -> str:
    own = (f"weight of {feature}: {weight:.2f}" for feature, weight in trial["weights"].items())
    return "\n".join([trial_told(trial, metric), *own])
