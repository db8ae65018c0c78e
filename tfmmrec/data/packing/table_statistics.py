"""Statistics of a packed table, which end a pack that would lose a feature or too many rows."""

from collections.abc import Collection, Mapping
from typing import Any

from tfmmrec.data.dataset_file import DatasetFile, InteractionTable, Table
from tfmmrec.data.packing.statistics import Rejects, Tally
from tfmmrec.data.packing.summary import losses, noun, quote_hint
from tfmmrec.data.tables.missing import describe_marks
from tfmmrec.data.tables.source import TableSource
from tfmmrec.errors import DataError
from tfmmrec.modalities import Modality

_ADVICE = "correct them or raise --max-rejects"


def entity_statistics(
    dataset: DatasetFile,
    entity: str,
    tally: Tally,
    rejects: Rejects,
    *,
    num_read: int,
    max_rejects: float,
) -> dict[str, Any]:
    """Returns the entry of items or users in statistics.json.

    Args:
        dataset: the dataset file.
        entity: `items` or `users`.
        tally: of the packed rows.
        rejects: all rejects of the table.
        num_read: the number of rows read.
        max_rejects: the maximum share of rows that may be rejected, and of rows with a rejected
            value of a feature. Unless it is 0, one of each may be.

    Raises:
        DataError: there are more, or a feature that is not optional has no value (unless its
            values are rejected and `max_rejects` is 1).
    """
    table: Table = dataset.items if entity == "items" else dataset.users  # type: ignore[assignment]
    rows = _row_statistics(table.source, num_read, tally.num_rows, rejects, [None, table.id])
    _check_rows(dataset, table.source, rows, max_rejects)
    features = tally.statistics(table.source, rejects, dataset.media)
    schema = dataset.schema()
    modalities = schema.items if entity == "items" else schema.users
    for name in table.features:
        # Who accepts any number of rejects accepts a feature of rejects alone.
        is_accepted = features[name]["rejected"] and max_rejects == 1
        if not (features[name]["present"] or name in table.optional or is_accepted):
            where = f"{dataset.path}: {entity}.features.{name}"
            raise _no_value(where, table.source.name, features[name], modalities[name])
    over = {
        f"{entity}.features.{name}": feature
        for name, feature in features.items()
        if _is_over(feature["rejected"], num_read, max_rejects)
    }
    if over:
        raise _too_many_values(dataset, over, num_read, max_rejects)
    return {"count": tally.num_rows, "rows": rows, "features": features}


def interaction_statistics(
    dataset: DatasetFile,
    counts: Mapping[str, int],
    rejects: Rejects,
    *,
    num_read: int,
    max_rejects: float,
) -> dict[str, Any]:
    """Returns the entry of the interactions in statistics.json.

    Args:
        dataset: the dataset file.
        counts: the number of events, in total, and by split.
        rejects: all rejects of the table.
        num_read: the number of rows read.
        max_rejects: the maximum share of rejected rows. Unless it is 0, one may be.

    Raises:
        DataError: there are more, or no event is a positive.
    """
    table = dataset.interactions.source
    rows = _row_statistics(table, num_read, counts["count"], rejects, None)
    _check_rows(dataset, table, rows, max_rejects, _missing_hint(dataset.interactions, rejects))
    rule, kinds = dataset.interactions.positive, dataset.interactions.kinds
    if kinds and not counts["positives"]:
        listed = ", ".join(name for name, weight in kinds.weights.items() if weight > 0)
        raise DataError(
            f"{dataset.path}: interactions.kinds: none of the {counts['count']} events is a "
            f"positive: of a kind with a weight above 0 ({listed})"
            f"{' for which the rule positive holds' if rule else ''}; correct the weights"
        )
    if rule and not counts["positives"]:
        raise DataError(
            f"{dataset.path}: interactions.positive: the rule holds for none of the "
            f"{counts['count']} events; compare it with the values in "
            f"{' and '.join(map(repr, dict.fromkeys(rule.columns())))} of {table.name}"
        )
    return {**counts, "rows": rows}


def _row_statistics(
    table: TableSource,
    num_read: int,
    num_packed: int,
    rejects: Rejects,
    fields: Collection[str | None] | None,
) -> dict[str, Any]:
    rows: dict[str, Any] = {"read": num_read, "rejected": num_read - num_packed}
    return {**rows, "first_reject": rejects.first(table, fields)} if rows["rejected"] else rows


def _missing_hint(log: InteractionTable, rejects: Rejects) -> str:
    """Returns the end of a message on rows rejected for marks such as NA; "" for others."""
    marks = rejects.marks(log.source, log.optional_columns())
    return f"; {describe_marks(marks, log.source.dialect.missing or ())}" if marks else ""


def _check_rows(
    dataset: DatasetFile,
    table: TableSource,
    rows: Mapping[str, Any],
    max_rejects: float,
    hint: str = "",
) -> None:
    rejected, read = rows["rejected"], rows["read"]
    if _is_over(rejected, read, max_rejects):
        raise DataError(
            f"{dataset.path}: {table.name}: {rejected} of {read} rows cannot be used "
            f"({rejected / read:.1%}, the limit is {max_rejects:.1%}); first: "
            f"{rows['first_reject']}{quote_hint(rows['first_reject'])}{hint}; {_ADVICE}"
        )


def _no_value(where: str, table: str, feature: Mapping[str, Any], modality: Modality) -> DataError:
    reasons = losses(feature)
    return DataError(
        f"{where}: 0 of {feature['missing'] + feature['rejected']} rows have a {noun(modality)}"
        f"{f' ({reasons})' if reasons else ''}; correct {table}, leave the feature out, or declare "
        "it with optional: true"
    )


def _too_many_values(
    dataset: DatasetFile, over: Mapping[str, Any], num_read: int, max_rejects: float
) -> DataError:
    each = "; ".join(
        f"{where}: {feature['rejected']} of {num_read} rows have an invalid value "
        f"({feature['rejected'] / num_read:.1%}, the limit is {max_rejects:.1%}; {losses(feature)})"
        for where, feature in over.items()
    )
    return DataError(f"{dataset.path}: {each}; {_ADVICE}")


def _is_over(rejected: int, rows: int, max_rejects: float) -> bool:
    # In a table of fewer than 20 rows, a single one is more than 5 %.
    return rejected > max(max_rejects * rows, 1 if max_rejects else 0)
