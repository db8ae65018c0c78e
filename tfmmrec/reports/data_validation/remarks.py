"""What is unusual in data that is valid, a line each."""

from collections.abc import Iterator

from tfmmrec.data.packing.log_summary import log_lines
from tfmmrec.data.packing.summary import losses
from tfmmrec.data.tables.missing import MIN_SHARE
from tfmmrec.reports.data_validation.entity_statistics import EntityStatistics
from tfmmrec.reports.data_validation.feature_statistics import Description
from tfmmrec.reports.data_validation.findings import Findings
from tfmmrec.reports.data_validation.interaction_statistics import EventStatistics
from tfmmrec.reports.number_format import share

# The shares from which a remark is made.
_MOSTLY_MISSING = 0.5
_MANY = 0.1
_MAX_TEXT = 40


def remarks(findings: Findings) -> list[str]:
    """Returns the remarks on items, users and the log; none on a folder with anomalies."""
    if findings.dataset is None or findings.events is None or findings.anomalies.total:
        return []
    return [
        *(line for entity in findings.entities for line in _of_features(entity)),
        *_of_events(findings.events),
        *log_lines(findings.dataset.statistics["interactions"]),
    ]


def _of_features(entity: EntityStatistics) -> Iterator[str]:
    for name, description in entity.descriptions.items():
        where = f"{entity.entity}.{name}"
        total, lost = entity.num_records, entity.num_records - description.present
        if lost > _MOSTLY_MISSING * total:
            yield f"{where}: {lost} of {total} ({share(lost, total)}) have no value"
        if found := losses(entity.packed.get(name, {})):
            yield f"{where}: {found}"
        if description.is_constant and description.present > 1:
            effect = "" if lost else f"; the feature cannot tell {entity.entity} apart"
            shown = _shown(description)
            yield f"{where}: all {description.present} values are the same{shown}{effect}"
        marks = description.marks()
        if sum(marks.values()) > MIN_SHARE * description.present:
            counts = ", ".join(f"{mark!r} {count}" for mark, count in marks.items())
            yield (
                f"{where}: values that look like marks of missing values: {counts}; if they are, "
                "list them under missing of the table in the dataset file"
            )


def _shown(description: Description) -> str:
    """The value of a text, a number or categories in parentheses; "" for media."""
    value = description.first
    if not description.has_readable_values:
        return ""
    if isinstance(value, list):
        value = b", ".join(value) if all(isinstance(each, bytes) for each in value) else str(value)
    text = value.decode(errors="replace") if isinstance(value, bytes) else f"{value:g}"
    text = " ".join(text.split())
    return f" ({text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + '…'})"


def _of_events(events: EventStatistics) -> Iterator[str]:
    per_item, per_user = events.per("items"), events.per("users")
    never = int((per_item == 0).sum())
    if never > _MANY * len(per_item):
        part = share(never, len(per_item))
        yield f"items: {never} of {len(per_item)} ({part}) have no event; only content ranks them"
    single = int((per_user == 1).sum())
    if single > _MANY * len(per_user):
        yield (
            f"users: {single} of {len(per_user)} ({share(single, len(per_user))}) have a single "
            "event; nothing comes before it to predict it from"
        )
