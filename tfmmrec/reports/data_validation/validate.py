"""Validates a data folder: reads it once, computes statistics and finds anomalies."""

from pathlib import Path

from tfmmrec.config.checks import check_config
from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.interactions import SPLITS
from tfmmrec.data.storage import MANIFEST, read_manifest
from tfmmrec.errors import DataError, TfmmrecError
from tfmmrec.models.output_path import check_output_path
from tfmmrec.reports.data_validation.anomalies import Anomalies, Anomaly
from tfmmrec.reports.data_validation.checksums import altered_files, unlisted_files
from tfmmrec.reports.data_validation.console import format_count, print_statistics, print_verdict
from tfmmrec.reports.data_validation.entity_statistics import EntityStatistics
from tfmmrec.reports.data_validation.findings import Findings
from tfmmrec.reports.data_validation.interaction_anomalies import EventChecks
from tfmmrec.reports.data_validation.interaction_reader import EventReader
from tfmmrec.reports.data_validation.interaction_statistics import EventStatistics
from tfmmrec.reports.data_validation.page import write_report
from tfmmrec.reports.data_validation.record_anomalies import RecordChecks, count_anomalies
from tfmmrec.reports.data_validation.record_reader import EntityReader
from tfmmrec.reports.data_validation.rejects import NAME as REJECTS
from tfmmrec.reports.data_validation.rejects import Rejects
from tfmmrec.reports.data_validation.sample import Cards
from tfmmrec.reports.data_validation.tfx_schema import write_schemas


def check(folder: str | Path, options: CheckConfig = CheckConfig()) -> None:
    """Validates a data folder and prints its statistics and anomalies.

    Args:
        folder: the data folder.
        options: what to check and what to write.

    Raises:
        DataError: the folder is not a data folder, or has anomalies, which have been printed.
    """
    check_config(options, CheckConfig)
    folder = Path(folder)
    for option in ("report", "schema"):
        check_output_path(f"--{option}", getattr(options, option))
    findings = examine(folder, options)
    print_verdict(findings)
    if not options.quiet:
        print_statistics(findings)
    if options.report:
        write_report(findings, options.report)
        if not options.quiet:
            print(options.report)
    lines = findings.anomalies.lines()
    if lines:
        raise DataError(f"{lines[0]} ({format_count(findings.anomalies.total)} in total)")
    if options.schema and findings.dataset:
        write_schemas(findings.dataset, options.schema)


def examine(folder: Path, options: CheckConfig) -> Findings:
    """Reads a data folder once, computes statistics and finds anomalies.

    Args:
        folder: the data folder.
        options: what to check.

    Raises:
        DataError: the folder is not a data folder.
    """
    folder = Path(folder)
    manifest = _read_manifest(folder)
    anomalies = Anomalies(folder)
    anomalies.extend(altered_files(folder, manifest))
    anomalies.extend(unlisted_files(folder, manifest))
    try:
        dataset = Dataset(folder)
        for part in ("items", "users", "interactions"):
            dataset.statistics[part]["count"]
    except (TfmmrecError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        # Without schema and statistics, the records cannot be read.
        problem = f"the folder cannot be opened: {type(error).__name__}: {error}"
        anomalies.add(Anomaly(MANIFEST, problem))
        return Findings(folder, len(manifest["files"]), anomalies)
    cards = Cards(dataset, seed=options.seed) if options.report else None
    return Findings(
        folder,
        len(manifest["files"]),
        anomalies,
        dataset,
        entities=tuple(
            _examine_entity(
                dataset, entity, options, anomalies, cards if entity == "items" else None
            )
            for entity in ("items", "users")
        ),
        events=_examine_events(dataset, options, anomalies),
        rejects=_examine_rejects(dataset, anomalies),
        cards=cards,
    )


def _read_manifest(folder: Path) -> dict:
    manifest = read_manifest(folder)
    try:
        for entry in manifest["files"].values():
            entry["sha256"]
    except (LookupError, TypeError, AttributeError):
        raise DataError(
            f"{folder / MANIFEST}: it must list the files with their checksums; pack the data again"
        ) from None
    return manifest


def _examine_entity(
    dataset: Dataset,
    entity: EntityName,
    options: CheckConfig,
    anomalies: Anomalies,
    cards: Cards | None,
) -> EntityStatistics:
    reader = EntityReader(dataset, entity, quiet=options.quiet)
    checks = RecordChecks(dataset, entity, media=options.media)
    statistics = EntityStatistics(dataset, entity, seed=options.seed)
    for rows in reader:
        anomalies.extend(checks.observe(rows, reader.shards))
        statistics.observe(rows)
        if cards:
            cards.observe(rows)
    anomalies.extend(checks.finish(reader.shards))
    return statistics


def _examine_events(
    dataset: Dataset, options: CheckConfig, anomalies: Anomalies
) -> EventStatistics:
    checks, statistics = EventChecks(dataset), EventStatistics(dataset, seed=options.seed)
    for split in SPLITS:
        reader = EventReader(dataset, split)
        for events in reader:
            anomalies.extend(checks.observe(split, events))
            statistics.observe(split, events)
        anomalies.extend(checks.finish_split(split, reader))
    anomalies.extend(checks.finish())
    return statistics


def _examine_rejects(dataset: Dataset, anomalies: Anomalies) -> Rejects:
    rejects = Rejects(dataset.folder)
    found = list(rejects.read())
    anomalies.extend(found)
    if not found and (dataset.folder / REJECTS).is_file() and "rejects" in dataset.statistics:
        anomalies.extend(count_anomalies(dataset, "rejects", {"count": rejects.total}))
    return rejects
