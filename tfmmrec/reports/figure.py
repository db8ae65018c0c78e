"""Bokeh figures in the style of all pages."""

from typing import Any

import bokeh.plotting

# Visible on a light and on a dark page.
MUTED = "#8f959d"

_WIDTH, _HEIGHT = 560, 320
_LEGEND_COLUMNS = 2


def figure(x: str | None, y: str | None, *, height: int = _HEIGHT, **options: Any) -> Any:
    """Creates an empty figure that stretches to the width of its container.

    Args:
        x: label of the x axis; None for no label.
        y: label of the y axis; None for no label.
        height: in pixels.
        **options: of `bokeh.plotting.figure`.
    """
    plot = bokeh.plotting.figure(
        width=_WIDTH,
        height=height,
        x_axis_label=x,
        y_axis_label=y,
        tools="pan,wheel_zoom,box_zoom,reset",
        sizing_mode="stretch_width",
        **options,
    )
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    return plot


def legend_above(plot: Any) -> None:
    """Moves the legend out of the plot, where it covers no curve; it fits a narrow page."""
    legend = plot.legend[0]
    plot.add_layout(legend, "above")
    legend.orientation = "horizontal"
    legend.ncols = _LEGEND_COLUMNS
    legend.click_policy = "hide"
    legend.padding = legend.margin = 0
