"""The worker functions for the table of items or users."""

from collections.abc import Iterable, Iterator
from typing import Any

from tfmmrec.data.interactions import to_id
from tfmmrec.data.packing.beam.job import Job
from tfmmrec.data.packing.parallel import map_in_order
from tfmmrec.data.packing.row import PackedRow, pack_row
from tfmmrec.data.packing.statistics import Tally
from tfmmrec.data.tables.read import read_table
from tfmmrec.errors import BrokenValue

# The files of ids; the final vocabulary of users also has users of the interactions.
IDS = {"items": "vocabulary/item_ids.txt", "users": ".beam/listed_user_ids.txt"}


def read_entity(entity: str, job: Job) -> Iterator[tuple[str, Any]]:
    """Reads a table, without media.

    Yields:
        (id, (position, number, values)), where `position` counts the readable rows from 0.
    """
    table = job.tables[entity]
    columns = dict.fromkeys([table.id, *table.features])
    with job.errors.reporting(), job.writing_rejects(entity) as on_reject:
        rows = read_table(table.source, columns, on_reject, (table.id,))
        for position, (number, row) in enumerate(rows):
            yield _key(row[table.id], position), (position, number, row)


def _key(raw: Any, position: int) -> str:
    try:
        return to_id(raw if raw is not None else "")
    except BrokenValue:
        return f"\n{position}"  # not an id, since ids have no line break: the row is grouped alone


def mark_duplicates(rows: tuple[str, Iterable[Any]], job: Job) -> Iterator[tuple[int, Any]]:
    """Marks all rows of an id except the first, and assigns rows to shards.

    Yields:
        (shard, (position, number, values, is_duplicate)).
    """
    for nth, (position, number, row) in enumerate(sorted(rows[1], key=_position)):
        yield position // job.options.rows_per_shard, (position, number, row, nth > 0)


def pack_shard(rows: tuple[int, Iterable[Any]], entity: str, job: Job) -> int:
    """Packs the rows of a shard and writes their records.

    Returns:
        The number of the shard, whose journal entry has been written.
    """
    number, unordered = rows
    table, features = job.tables[entity], job.features(entity)
    declared = {name: features[name] for name in table.features}
    tally, rejects, num_read = Tally(features), list[Any](), 0
    ids: list[str] = []

    def pack_one(row: Any) -> tuple[PackedRow, bool]:
        packed = pack_row(row[1], row[2], table.id, declared, job.dataset.media)
        return packed, row[3]

    def records() -> Iterator[bytes]:
        nonlocal num_read
        for packed, is_duplicate in map_in_order(pack_one, sorted(unordered, key=_position)):
            num_read += 1
            rejects.extend((packed.number, field, reason) for field, reason in packed.rejects)
            if is_duplicate:
                rejects.append((packed.number, table.id, f"duplicate id {packed.id!r}"))
            elif packed.id is not None:
                ids.append(packed.id)
                tally.count(packed)
                yield packed.record

    with job.errors.reporting():
        files = job.write_shard(entity, number, records())
    note = {"num_read": num_read, "ids": ids, "rejects": rejects, "tally": tally.state()}
    job.write_note(entity, number, {**note, "files": files})
    return number


def write_entity_ids(shards: list[int], entity: str, job: Job) -> int:
    """Writes the ids of all shards in the order of the table.

    Returns:
        The first unused shard number.
    """
    ids = [id_ for shard in sorted(shards) for id_ in job.read_note(entity, shard)["ids"]]
    job.write_ids(IDS[entity], ids)
    return max(shards, default=-1) + 1


def _position(row: Any) -> int:
    return row[0]
