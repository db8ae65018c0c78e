"""What a check found, on the screen."""

import rich.box
import rich.console
import rich.table

from tfmmrec.reports.data_validation.findings import Findings
from tfmmrec.reports.tables import Table

# Where nobody watches, a file or a pipe, lines may be as long as the widest table.
_WIDTH_OF_FILES = 160


def verdict(findings: Findings) -> str:
    """Says in one line whether the data folder is whole."""
    if total := findings.faults.total:
        return f"{total} fault{'' if total == 1 else 's'}"
    return f"whole; {findings.num_files} files agree with the manifest, the records with the schema"


def print_verdict(findings: Findings, console: rich.console.Console | None = None) -> None:
    """Prints the verdict and a line for each fault."""
    console = console or rich.console.Console()
    for line in (f"{findings.folder}: {verdict(findings)}", *findings.faults.lines()):
        # Whole lines, whatever the width, so that they can be copied.
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def print_statistics(findings: Findings, console: rich.console.Console | None = None) -> None:
    """Prints the tables of a check."""
    console = console or rich.console.Console()
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH_OF_FILES)
    for table in all_tables(findings):
        _print_table(table, console)


def all_tables(findings: Findings) -> list[Table]:
    """The tables of a check in the order in which they are shown."""
    if findings.events is None or findings.rejects is None:
        return []
    return [
        *findings.events.tables(),
        *(table for side in findings.sides for table in side.tables()),
        *findings.rejects.tables(),
    ]


def _print_table(table: Table, console: rich.console.Console) -> None:
    shown = rich.table.Table(title=table.title, title_justify="left", box=rich.box.SIMPLE_HEAD)
    for place, column in enumerate(table.columns):
        shown.add_column(column, justify="left" if table.is_text(place) else "right")
    for row in table.rows:
        # Text of the data may hold what looks like markup.
        shown.add_row(*(rich.text.Text(cell) for cell in row))
    console.print(shown)
