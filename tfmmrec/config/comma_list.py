"""Lists that are written as `a,b` on the command line."""

import csv
import io
from collections.abc import Container


def split_commas(text: str) -> list[str]:
    """Splits a text at its commas; a part in double quotes may hold commas, as in a csv file.

    Examples:
        >>> split_commas('a, "Smith, J"')
        ['a', 'Smith, J']
    """
    rows = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    return [part.strip() for row in rows for part in row if part.strip()]


def split_ids(text: str, known: Container[str]) -> list[str]:
    """Splits a list of ids, unless the text as a whole is an id: `Smith, J` may be one user."""
    return [text] if text in known else split_commas(text)
