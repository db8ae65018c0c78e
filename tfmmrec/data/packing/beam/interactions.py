"""What workers do with the interaction table."""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam
import numpy as np

from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions import (
    Interactions,
    by_user_blocks,
    concatenate,
    create_splitter,
    in_order,
    read_interactions,
    split_events,
)
from tfmmrec.data.packing.beam.entities import IDS
from tfmmrec.data.packing.beam.job import Job
from tfmmrec.data.packing.cold_start_split import Chosen, draw_cold
from tfmmrec.data.packing.interaction_packer import encode_histories
from tfmmrec.data.tfrecords import encode_example

USER_IDS = "vocabulary/user_ids.txt"
COLD_IDS = {side: f"vocabulary/cold_{side}_ids.txt" for side in ("item", "user")}
ALL_READ = "all_read"
# Chunks of jsonl are small; pieces of so many events are worth sending to each shard.
_EVENTS_AT_A_TIME = 1 << 20


def read_log(job: Job, items_ready: int, users_ready: int) -> Iterator[Any]:
    """Reads the table from front to back: users get rows in the order of their first events.

    Args:
        job: what is packed.
        items_ready: says that the items' ids are written.
        users_ready: says that the listed users' ids are written.

    Yields:
        (shard, (place, events)), pieces of the shard's events, `place` in the order of the table;
        at last, under ALL_READ, the rows of cold items and of cold users, and where the unlisted
        users' rows begin and end. The ids of users, and of what is cold, are written then.
    """
    del items_ready, users_ready
    items = job.read_ids(IDS["items"])
    users = IdIndex(job.read_ids(IDS["users"]).from_row(0))  # its own: it grows
    num_listed = len(users)
    chosen = Chosen(len(items))
    with job.telling(), job.rejecting("interactions") as on_reject:
        # Without any item, all would be rejected; the launcher tells that there is none.
        table = job.dataset.interactions
        chunks = read_interactions(table, items, users, on_reject) if len(items) else iter(())
        for place, events in enumerate(_together(chunks)):
            chosen.observe(events)
            for shard, piece in by_user_blocks(events, job.options.users_per_shard):
                yield shard, (place, piece)
    cold_items = draw_cold(job.dataset.cold_share, chosen.items, items, job.options.seed)
    cold_users = draw_cold(job.dataset.cold_user_share, chosen.users, users, job.options.seed)
    job.write_ids(USER_IDS, users.from_row(0))
    job.write_ids(COLD_IDS["item"], items.take(cold_items))
    job.write_ids(COLD_IDS["user"], users.take(cold_users))
    note = {
        "cold_items": cold_items.tolist(),
        "cold_users": cold_users.tolist(),
        "unlisted": (num_listed, len(users)),
    }
    job.write_note("log", 0, note)
    yield apache_beam.pvalue.TaggedOutput(ALL_READ, note)


def _together(chunks: Iterator[Interactions]) -> Iterator[Interactions]:
    held: list[Interactions] = []
    for chunk in chunks:
        held += [chunk] if len(chunk) else []
        if sum(map(len, held)) >= _EVENTS_AT_A_TIME:
            yield concatenate(held)
            held = []
    if held:
        yield concatenate(held)


def write_histories(pieces: tuple[int, Iterable[Any]], job: Job, all_read: Any) -> None:
    """Puts the events of a shard of users in order, splits them and writes a file a split."""
    number, unordered = pieces
    events = concatenate([piece for _, piece in sorted(unordered, key=lambda piece: piece[0])])
    with job.telling():
        events = in_order(events, job.read_ids(USER_IDS), job.read_ids(IDS["items"]))
        # No split that needs the times of all events comes so far.
        splitter = create_splitter(job.dataset.split, np.zeros(0, np.int64), job.options.seed)
        counts = {"count": len(events), "positives": int(events.positive.sum())}
        files: dict[str, Any] = {}
        cold = all_read["cold_items"], all_read["cold_users"]
        for name, chosen in split_events(events, splitter, *cold):
            counts[name] = len(chosen)
            files |= job.write_shard(f"interactions/{name}", number, encode_histories(chosen))
    job.write_note("histories", number, {"counts": counts, "files": files})


def unlisted_spans(all_read: Any, first_shard: int, job: Job) -> Iterator[tuple[int, int, int]]:
    """Divides the users whom only the log names: (shard, first row, row behind the last)."""
    first, end = all_read["unlisted"]
    rows = job.options.rows_per_shard
    for number, start in enumerate(range(first, end, rows), start=first_shard):
        yield number, start, min(start + rows, end)


def write_unlisted(span: tuple[int, int, int], job: Job) -> None:
    """Gives the users of a span records without features, behind those of the listed ones."""
    number, start, end = span
    with job.telling():
        ids = job.read_ids(USER_IDS).take(np.arange(start, end))
        records = (encode_example({"id": [id_.encode()]}) for id_ in ids)
        files = job.write_shard("users", number, records)
    job.write_note("unlisted", number, {"files": files})
