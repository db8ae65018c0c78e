"""Progress bars over the rows of a table, with their rate and the time left."""

from pathlib import Path
from typing import Any

import tqdm

from tfmmrec.data.tables.read import count_rows


def rows_bar(name: str, total: int | Path, *, done: int = 0, quiet: bool) -> Any:
    """Builds a bar, which is silent where there is no terminal.

    Args:
        name: what stands before it.
        total: how many rows there are, or the table whose rows are to be counted for it.
        done: how many of them are done.
        quiet: whether it is silent everywhere.
    """
    bar = tqdm.tqdm(desc=name, unit="row", initial=done, disable=True if quiet else None)
    # Counting reads the whole table: only for a bar that is seen.
    if not bar.disable:
        bar.total = count_rows(total) if isinstance(total, Path) else total
        bar.refresh()
    return bar
