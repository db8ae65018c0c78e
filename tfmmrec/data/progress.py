"""Progress bars over the rows of a table."""

from typing import Any

import tqdm

from tfmmrec.data.tables.read import count_rows
from tfmmrec.data.tables.source import TableSource


def rows_bar(name: str, total: int | TableSource, *, done: int = 0, quiet: bool) -> Any:
    """Creates a progress bar with the rate and the remaining time; silent without a terminal.

    Args:
        name: its label.
        total: number of rows, or the table whose rows are counted.
        done: number of rows that are done already.
        quiet: whether it is silent on a terminal too.
    """
    bar = tqdm.tqdm(desc=name, unit="row", initial=done, disable=True if quiet else None)
    # Counting reads the whole table, so only for a visible bar.
    if not bar.disable:
        bar.total = count_rows(total) if isinstance(total, TableSource) else total
        bar.refresh()
    return bar
