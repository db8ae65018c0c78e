"""Bokeh's plots in a page that needs no network."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from tfmmrec.errors import DataError


def require_bokeh() -> None:
    """Raises DataError where the plots' library is missing, before any work is done."""
    try:
        import bokeh  # noqa: F401
    except ImportError:
        raise DataError(
            "--report: the plots need the extra report; pip install 'tfmmrec[report]'"
        ) from None


def drawings(plots: Mapping[str, Any]) -> tuple[Markup, list[tuple[str, Markup]]]:
    """What the head of a page needs for plots, and each with its title as it stands in the body."""
    from bokeh.embed import components
    from bokeh.resources import Resources

    if not plots:
        return Markup(""), []
    script, divisions = components(dict(plots))
    # Bokeh writes both, the data's texts as JSON.
    library = Resources(mode="inline", components=["bokeh"], log_level="warn").render()
    drawn = [(title, Markup(division)) for title, division in divisions.items()]
    return Markup(library + script), drawn
