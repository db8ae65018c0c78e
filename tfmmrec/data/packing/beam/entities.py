"""What workers do with the table of items or of users."""

from collections.abc import Iterable, Iterator
from typing import Any

from tfmmrec.data.interactions import to_id
from tfmmrec.data.packing.beam.job import Job
from tfmmrec.data.packing.parallel import map_in_order
from tfmmrec.data.packing.row import PackedRow, pack_row
from tfmmrec.data.packing.statistics import Tally
from tfmmrec.data.tables.read import read_table
from tfmmrec.errors import BrokenValue

# Where the ids of each side are written: `users` gets those of the log too, later.
IDS = {"items": "vocabulary/item_ids.txt", "users": ".beam/listed_user_ids.txt"}


def read_side(side: str, job: Job) -> Iterator[tuple[str, Any]]:
    """Reads a table, media not yet among the values.

    Yields:
        (id, (place, number, values)), where `place` counts the rows that could be read, from 0;
        rows that were rescued out of a broken one share its number.
    """
    table = job.tables[side]
    columns = dict.fromkeys([table.id, *table.features])
    with job.telling(), job.rejecting(side) as on_reject:
        for place, (number, row) in enumerate(read_table(table.path, columns, on_reject)):
            yield _key(row[table.id], place), (place, number, row)


def _key(raw: Any, place: int) -> str:
    try:
        return to_id(raw if raw is not None else "")
    except BrokenValue:
        return f"\n{place}"  # no id holds a line break: such a row stays alone


def mark_duplicates(rows: tuple[str, Iterable[Any]], job: Job) -> Iterator[tuple[int, Any]]:
    """Marks all rows of one id but the first, and says which shard each belongs to.

    Yields:
        (shard, (place, number, values, is_duplicate)).
    """
    for nth, (place, number, row) in enumerate(sorted(rows[1], key=_place)):
        yield place // job.options.rows_per_shard, (place, number, row, nth > 0)


def pack_shard(rows: tuple[int, Iterable[Any]], side: str, job: Job) -> int:
    """Reads and checks the media and values of a shard's rows, and writes their records.

    Returns:
        The shard's number; its note is written.
    """
    number, unordered = rows
    table, features = job.tables[side], job.features(side)
    declared = {name: features[name] for name in table.features}
    tally, rejects, num_read = Tally(features), list[Any](), 0
    ids: list[str] = []

    def pack_one(row: Any) -> tuple[PackedRow, bool]:
        packed = pack_row(row[1], row[2], table.id, declared, job.dataset.folder)
        return packed, row[3]

    def records() -> Iterator[bytes]:
        nonlocal num_read
        for packed, is_duplicate in map_in_order(pack_one, sorted(unordered, key=_place)):
            num_read += 1
            rejects.extend((packed.number, field, reason) for field, reason in packed.rejects)
            if is_duplicate:
                rejects.append((packed.number, table.id, f"duplicate id {packed.id!r}"))
            elif packed.id is not None:
                ids.append(packed.id)
                tally.count(packed.values)
                yield packed.record

    with job.telling():
        files = job.write_shard(side, number, records())
    note = {"num_read": num_read, "ids": ids, "rejects": rejects, "tally": tally.state()}
    job.write_note(side, number, {**note, "files": files})
    return number


def write_side_ids(shards: list[int], side: str, job: Job) -> int:
    """Writes the ids of all shards in the order of the table's rows.

    Returns:
        The number of the first shard that is free.
    """
    ids = [id_ for shard in sorted(shards) for id_ in job.read_note(side, shard)["ids"]]
    job.write_ids(IDS[side], ids)
    return max(shards, default=-1) + 1


def _place(row: Any) -> int:
    return row[0]
