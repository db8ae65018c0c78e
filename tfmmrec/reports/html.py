"""Renders HTML pages from templates."""

from typing import Any

import jinja2

from tfmmrec.version import __version__


def render(template: str, **values: Any) -> str:
    """Renders one of the HTML templates of `tfmmrec.reports`; texts of the data are escaped."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("tfmmrec.reports", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(template).render(version=__version__, **values)
