"""Checks a data folder: everything is read once, counted and compared."""

from pathlib import Path

from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.interactions import SPLITS
from tfmmrec.data.storage import MANIFEST, read_manifest
from tfmmrec.errors import DataError, TfmmrecError
from tfmmrec.reports.data_validation.anomalies import Fault, Faults
from tfmmrec.reports.data_validation.checksums import altered_files, unlisted_files
from tfmmrec.reports.data_validation.console import print_statistics, print_verdict
from tfmmrec.reports.data_validation.entity_statistics import SideStatistics
from tfmmrec.reports.data_validation.findings import Findings
from tfmmrec.reports.data_validation.interaction_anomalies import EventChecks
from tfmmrec.reports.data_validation.interaction_reader import EventReader
from tfmmrec.reports.data_validation.interaction_statistics import EventStatistics
from tfmmrec.reports.data_validation.page import write_report
from tfmmrec.reports.data_validation.record_anomalies import RowChecks, wrong_counts
from tfmmrec.reports.data_validation.record_reader import SideReader
from tfmmrec.reports.data_validation.rejects import NAME as REJECTS
from tfmmrec.reports.data_validation.rejects import Rejects
from tfmmrec.reports.data_validation.sample import Cards
from tfmmrec.reports.data_validation.tfx_schema import write_schemas


def check(folder: str | Path, options: CheckConfig = CheckConfig()) -> None:
    """Checks a data folder and prints what it holds.

    Args:
        folder: the data folder.
        options: what else to write.

    Raises:
        DataError: it is no data folder, or there are faults; all of them have been printed.
    """
    folder = Path(folder)
    _refuse_inside(folder, options)
    findings = examine(folder, options)
    print_verdict(findings)
    if not options.quiet:
        print_statistics(findings)
    if options.html:
        write_report(findings, options.html)
    lines = findings.faults.lines()
    if lines:
        total = findings.faults.total
        raise DataError(f"{lines[0]} ({total} fault{'' if total == 1 else 's'} in all)")
    if options.schema and findings.dataset:
        write_schemas(findings.dataset, options.schema)


def _refuse_inside(folder: Path, options: CheckConfig) -> None:
    for name in ("html", "schema"):
        path = getattr(options, name)
        # There it would be a file that the manifest does not list.
        if path and Path(path).resolve().is_relative_to(Path(folder).resolve()):
            raise DataError(f"{path}: stands within the data folder; give another --{name}")


def examine(folder: Path, options: CheckConfig) -> Findings:
    """Reads everything in a data folder once, checks it and counts it.

    Args:
        folder: the data folder.
        options: what else is looked at.

    Raises:
        DataError: it is no data folder.
    """
    folder = Path(folder)
    manifest = _read_manifest(folder)
    faults = Faults(folder)
    faults.extend(altered_files(folder, manifest))
    faults.extend(unlisted_files(folder, manifest))
    try:
        dataset = Dataset(folder)
        for part in ("items", "users", "interactions"):
            dataset.statistics[part]["count"]
    except (TfmmrecError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        # Without what says how to read the records, they cannot be.
        problem = f"the folder cannot be opened: {type(error).__name__}: {error}"
        faults.add(Fault(MANIFEST, problem))
        return Findings(folder, len(manifest["files"]), faults)
    cards = Cards(dataset, seed=options.seed) if options.html else None
    return Findings(
        folder,
        len(manifest["files"]),
        faults,
        dataset,
        sides=tuple(
            _examine_side(dataset, side, options, faults, cards if side == "items" else None)
            for side in ("items", "users")
        ),
        events=_examine_events(dataset, options, faults),
        rejects=_examine_rejects(dataset, faults),
        cards=cards,
    )


def _read_manifest(folder: Path) -> dict:
    manifest = read_manifest(folder)
    try:
        for entry in manifest["files"].values():
            entry["sha256"]
    except (LookupError, TypeError, AttributeError):
        raise DataError(f"{folder / MANIFEST}: it lists no files; pack the data again") from None
    return manifest


def _examine_side(
    dataset: Dataset, side: EntityName, options: CheckConfig, faults: Faults, cards: Cards | None
) -> SideStatistics:
    reader = SideReader(dataset, side, quiet=options.quiet)
    checks = RowChecks(dataset, side, media=options.media)
    statistics = SideStatistics(dataset, side, seed=options.seed)
    for rows in reader:
        faults.extend(checks.observe(rows, reader.shards))
        statistics.observe(rows)
        if cards:
            cards.observe(rows)
    faults.extend(checks.finish(reader.shards))
    return statistics


def _examine_events(dataset: Dataset, options: CheckConfig, faults: Faults) -> EventStatistics:
    checks, statistics = EventChecks(dataset), EventStatistics(dataset, seed=options.seed)
    for split in SPLITS:
        reader = EventReader(dataset, split)
        for events in reader:
            faults.extend(checks.observe(split, events))
            statistics.observe(split, events)
        faults.extend(checks.finish_split(split, reader))
    faults.extend(checks.finish())
    return statistics


def _examine_rejects(dataset: Dataset, faults: Faults) -> Rejects:
    rejects = Rejects(dataset.folder)
    found = list(rejects.read())
    faults.extend(found)
    if not found and (dataset.folder / REJECTS).is_file() and "rejects" in dataset.statistics:
        faults.extend(wrong_counts(dataset, "rejects", {"count": rejects.total}))
    return rejects
