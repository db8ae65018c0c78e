"""Bokeh's figures, as all pages have them."""

from typing import Any

import bokeh.plotting

_WIDTH, _HEIGHT = 560, 320


def figure(x: str | None, y: str | None, *, height: int = _HEIGHT, **options: Any) -> Any:
    """Makes an empty figure, as wide as its place in the page.

    Args:
        x: what is along, None for no label.
        y: what is up.
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
