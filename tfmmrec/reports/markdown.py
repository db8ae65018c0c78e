"""Renders Markdown templates; texts of the data are escaped."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import jinja2

from tfmmrec.reports.tables import markdown_table


class Written(str):
    """Markdown markup, which is inserted as it is; any other text is escaped."""


def escaped(text: str) -> Written:
    r"""Escapes a text as one line of Markdown without markup, which ends no table cell.

    Examples:
        >>> print(escaped("a|b\n<b>"))
        a\|b &lt;b>
    """
    line = " ".join(text.split())
    line = re.sub(r"&(?=#|\w+;)", "&amp;", line)
    line = re.sub(r"[\\`*|]", r"\\\g<0>", line)
    # Only links and tags: the brackets of an interval and `p < 0.001` stay readable.
    line = re.sub(r"\](?=[(\[:])", r"\]", line)
    return Written(re.sub(r"<(?=[A-Za-z/!?])", "&lt;", line))


def render_markdown(template: str, **values: Any) -> str:
    """Renders one of the Markdown templates of `tfmmrec.reports`.

    All values are escaped, those of `table(header, rows)` cell by cell. Several blank lines become
    one.
    """
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("tfmmrec.reports", "templates"),
        finalize=_put_in,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["table"] = _table
    text = templates.get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _put_in(value: Any) -> Any:
    return value if isinstance(value, Written | jinja2.Undefined) else escaped(str(value))


def _table(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Written:
    cells = [[escaped(str(cell)) for cell in row] for row in rows]
    return Written(markdown_table([escaped(str(cell)) for cell in header], cells))
