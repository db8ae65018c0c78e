"""Embeds Bokeh plots into a page that needs no network."""

import importlib.util
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from tfmmrec.errors import DataError

# A canvas does not follow the color scheme of its page. On a transparent ground, these colors are
# readable on light and on dark pages.
_TEXT, _LINE = "#7a8088", "#a3a8af"
_COLORS: dict[str, dict[str, Any]] = {
    "Plot": {
        "background_fill_color": None,
        "border_fill_color": None,
        "outline_line_color": None,
    },
    "Axis": {
        "axis_label_text_color": _TEXT,
        "major_label_text_color": _TEXT,
        "axis_line_color": _LINE,
        "major_tick_line_color": _LINE,
        "minor_tick_line_color": None,
    },
    "Grid": {"grid_line_color": _LINE, "grid_line_alpha": 0.25},
    "Legend": {
        "background_fill_alpha": 0,
        "border_line_color": None,
        "label_text_color": _TEXT,
    },
}


def has_bokeh() -> bool:
    """Whether Bokeh, of the extra `report`, is installed."""
    return importlib.util.find_spec("bokeh") is not None


def require_bokeh() -> None:
    """Raises DataError if Bokeh is not installed; called before the long work starts."""
    if not has_bokeh():
        raise DataError("--report: the plots need the extra report; pip install 'tfmmrec[report]'")


def drawings(plots: Mapping[str, Any]) -> tuple[Markup, list[tuple[str, Markup]]]:
    """Returns the scripts for the head of a page, and (title, HTML) of each plot for its body.

    Args:
        plots: Bokeh figures by title.
    """
    from bokeh.embed import components
    from bokeh.resources import Resources
    from bokeh.themes import Theme

    if not plots:
        return Markup(""), []
    script, divisions = components(dict(plots), theme=Theme(json={"attrs": _COLORS}))
    # Bokeh generates both, and escapes texts of the data as JSON.
    library = Resources(mode="inline", components=["bokeh"], log_level="warn").render()
    drawn = [(title, Markup(division)) for title, division in divisions.items()]
    return Markup(library + script), drawn
