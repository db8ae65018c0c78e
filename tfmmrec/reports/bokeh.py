"""Embeds Bokeh plots into a page that needs no network."""

import importlib.util
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from tfmmrec.errors import DataError


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

    if not plots:
        return Markup(""), []
    script, divisions = components(dict(plots))
    # Bokeh generates both, and escapes texts of the data as JSON.
    library = Resources(mode="inline", components=["bokeh"], log_level="warn").render()
    drawn = [(title, Markup(division)) for title, division in divisions.items()]
    return Markup(library + script), drawn
