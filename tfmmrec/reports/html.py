"""Makes pages of templates."""

from typing import Any

import jinja2

from tfmmrec.version import __version__


def render(template: str, **values: Any) -> str:
    """Fills in one of the templates of this folder; text of the data is escaped."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("tfmmrec.reports", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(template).render(version=__version__, **values)
