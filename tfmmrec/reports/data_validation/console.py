"""Prints the results of a data validation."""

import rich.console

from tfmmrec.reports.data_validation.findings import Findings
from tfmmrec.reports.data_validation.remarks import remarks
from tfmmrec.reports.tables import Table
from tfmmrec.reports.wide_console import wide_console


def validation_verdict(findings: Findings) -> str:
    """Returns in one line whether the data folder is valid."""
    if findings.anomalies.total:
        return format_count(findings.anomalies.total)
    return f"valid; {findings.num_files} files match the manifest, the records match the schema"


def format_count(total: int) -> str:
    """Returns a number of anomalies in words."""
    return f"{total} {'anomaly' if total == 1 else 'anomalies'}"


def print_verdict(findings: Findings, console: rich.console.Console | None = None) -> None:
    """Prints the verdict and a line per anomaly."""
    console = console or rich.console.Console()
    for line in (f"{findings.folder}: {validation_verdict(findings)}", *findings.anomalies.lines()):
        # Lines are not wrapped, so that they can be copied.
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def print_statistics(findings: Findings, console: rich.console.Console | None = None) -> None:
    """Prints the tables of statistics, then the remarks."""
    console = console or wide_console()
    for table in all_tables(findings):
        console.print(table.to_rich())
    lines = remarks(findings)
    for line in ["Remarks", *(f"- {line}" for line in lines)] if lines else []:
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def all_tables(findings: Findings) -> list[Table]:
    """Returns the tables of statistics in the order of the report."""
    if findings.events is None or findings.rejects is None:
        return []
    return [
        *findings.events.tables(),
        *(table for entity in findings.entities for table in entity.tables()),
        *findings.rejects.tables(),
    ]
