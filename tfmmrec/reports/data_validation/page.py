"""What a check found, as one HTML page that needs neither network nor script."""

from pathlib import Path

from tfmmrec.data.storage import write_text
from tfmmrec.reports.data_validation.console import all_tables, verdict
from tfmmrec.reports.data_validation.findings import Findings
from tfmmrec.reports.html import render
from tfmmrec.reports.svg_charts import draw
from tfmmrec.reports.tables import Chart


def write_report(findings: Findings, path: Path) -> None:
    """Writes the page; one that stands there already is replaced.

    Raises:
        DataError: it cannot be written.
    """
    write_text(path, render_report(findings))


def render_report(findings: Findings) -> str:
    """Makes the page; text of the data is escaped wherever it stands."""
    dataset = findings.dataset
    return render(
        "check.html",
        command="check",
        name=dataset.schema.name if dataset else findings.folder.name,
        verdict=verdict(findings),
        faults=findings.faults.lines(),
        headline=_headline(findings),
        tables=all_tables(findings),
        charts=[(chart.title, draw(chart)) for chart in _charts(findings)],
        cards=findings.cards.cards if findings.cards else [],
    )


def _headline(findings: Findings) -> list[tuple[str, str]]:
    if findings.events is None or findings.rejects is None:
        return []
    counts: dict[str, int] = {side.side: side.num_records for side in findings.sides}
    counts["interactions"] = findings.events.count
    counts["rejects"] = findings.rejects.total
    return [(name, f"{count:,}") for name, count in counts.items()]


def _charts(findings: Findings) -> list[Chart]:
    if findings.events is None:
        return []
    return [
        *findings.events.charts(),
        *(chart for side in findings.sides for chart in side.charts()),
    ]
