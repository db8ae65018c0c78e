"""Makes pages of templates and writes them."""

from pathlib import Path
from typing import Any

import jinja2

from tfmmrec.errors import DataError
from tfmmrec.version import __version__


def render(template: str, **values: Any) -> str:
    """Fills in one of the templates of this folder; text of the data is escaped."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("tfmmrec.pages", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(template).render(version=__version__, **values)


def write_page(path: Path, page: str) -> None:
    """Writes a page whole or not at all; one that stands there already is replaced.

    Raises:
        DataError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(page, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None
