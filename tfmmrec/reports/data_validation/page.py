"""Renders the results of a data validation as a self-contained HTML page without scripts."""

from pathlib import Path

from tfmmrec.data.storage import write_text
from tfmmrec.reports.data_validation.console import all_tables, validation_verdict
from tfmmrec.reports.data_validation.findings import Findings
from tfmmrec.reports.data_validation.remarks import remarks
from tfmmrec.reports.html import render
from tfmmrec.reports.svg_charts import draw
from tfmmrec.reports.tables import Chart


def write_report(findings: Findings, path: Path) -> None:
    """Writes the page, replacing an existing file.

    Raises:
        DataError: the file cannot be written.
    """
    write_text(path, render_report(findings))


def render_report(findings: Findings) -> str:
    """Renders the page; text from the data is escaped."""
    dataset = findings.dataset
    return render(
        "check.html",
        command="check",
        name=dataset.schema.name if dataset else findings.folder.name,
        verdict=validation_verdict(findings),
        anomalies=findings.anomalies.lines(),
        remarks=remarks(findings),
        headline=_headline(findings),
        tables=all_tables(findings),
        charts=[(chart.title, draw(chart)) for chart in _charts(findings)],
        cards=findings.cards.cards if findings.cards else [],
    )


def _headline(findings: Findings) -> list[tuple[str, str]]:
    if findings.events is None or findings.rejects is None:
        return []
    counts: dict[str, int] = {entity.entity: entity.num_records for entity in findings.entities}
    counts["interactions"] = findings.events.count
    counts["rejects"] = findings.rejects.total
    return [(name, f"{count:,}") for name, count in counts.items()]


def _charts(findings: Findings) -> list[Chart]:
    if findings.events is None:
        return []
    return [
        *findings.events.charts(),
        *(chart for entity in findings.entities for chart in entity.charts()),
    ]
