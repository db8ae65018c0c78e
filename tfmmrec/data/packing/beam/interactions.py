"""The worker functions for the interaction table."""

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
    split_events,
)
from tfmmrec.data.interactions.reader import read_interactions
from tfmmrec.data.packing.beam.entities import IDS
from tfmmrec.data.packing.beam.job import Job
from tfmmrec.data.packing.cold_start_split import ColdStartCandidates, draw_cold
from tfmmrec.data.packing.interaction_packer import counts_of, encode_histories, facts_of
from tfmmrec.data.packing.unlisted_users import unlisted_users
from tfmmrec.data.tfrecords import encode_example
from tfmmrec.data.times.span import TimeSpan

USER_IDS = "vocabulary/user_ids.txt"
COLD_IDS = {side: f"vocabulary/cold_{side}_ids.txt" for side in ("item", "user")}
ALL_READ = "all_read"
# The chunks of jsonl files are small; larger pieces are sent more efficiently.
_EVENTS_PER_CHUNK = 1 << 20


def read_interaction_table(job: Job, items_ready: int, users_ready: int) -> Iterator[Any]:
    """Reads the table sequentially; users get rows in the order of their first events.

    Args:
        job: the packing job.
        items_ready: a dependency: the ids of the items are written.
        users_ready: a dependency: the ids of the user table are written.

    Yields:
        (shard, (position, events)), pieces of the events of a shard, with `position` in the order
        of the table. Finally, under ALL_READ, the rows of cold-start items and users, and the
        range of rows of users that are not in the user table. The ids of users and of cold-start
        items and users are written by then.
    """
    del items_ready, users_ready
    items = job.read_ids(IDS["items"])
    users = IdIndex(job.read_ids(IDS["users"]).from_row(0))  # a copy, which grows
    num_listed = len(users)
    table, unknown = job.dataset.interactions, list[int]()
    candidates, span = ColdStartCandidates(len(items), table.kinds), TimeSpan()
    num_by_kind = np.zeros(max(1, len(table.kinds.names)), np.int64)
    with job.errors.reporting(), job.writing_rejects("interactions") as on_reject:
        # Without items, all events would be rejected; the launcher raises the error.
        chunks: Iterator[Interactions] = iter(())
        if len(items):
            chunks = read_interactions(table, items, users, on_reject, unknown.append)
        for position, events in enumerate(_together(chunks)):
            candidates.observe(events)
            span.observe(events.time)
            num_by_kind += np.bincount(events.kind, minlength=len(num_by_kind))
            for shard, piece in by_user_blocks(events, job.options.users_per_shard):
                yield shard, (position, piece)
    cold_items = draw_cold(job.dataset.cold_share, candidates.items, items, job.options.seed)
    cold_users = draw_cold(job.dataset.cold_user_share, candidates.users, users, job.options.seed)
    job.write_ids(USER_IDS, users.from_row(0))
    job.write_ids(COLD_IDS["item"], items.take(cold_items))
    job.write_ids(COLD_IDS["user"], users.take(cold_users))
    note = {
        "cold_items": cold_items.tolist(),
        "cold_users": cold_users.tolist(),
        "unlisted": (num_listed, len(users)),
        "facts": facts_of(table, span, sum(unknown), num_by_kind)
        | unlisted_users(job.dataset, users, num_listed),
    }
    job.write_note("log", 0, note)
    yield apache_beam.pvalue.TaggedOutput(ALL_READ, note)


def _together(chunks: Iterator[Interactions]) -> Iterator[Interactions]:
    held: list[Interactions] = []
    for chunk in chunks:
        held += [chunk] if len(chunk) else []
        if sum(map(len, held)) >= _EVENTS_PER_CHUNK:
            yield concatenate(held)
            held = []
    if held:
        yield concatenate(held)


def write_histories(pieces: tuple[int, Iterable[Any]], job: Job, all_read: Any) -> None:
    """Sorts and splits the events of a shard of users, and writes one file per split."""
    number, unordered = pieces
    events = concatenate([piece for _, piece in sorted(unordered, key=lambda piece: piece[0])])
    with job.errors.reporting():
        events = in_order(events, job.read_ids(USER_IDS), job.read_ids(IDS["items"]))
        # A split that needs the times of all events has been refused.
        kinds = job.dataset.interactions.kinds
        splitter = create_splitter(
            job.dataset.split, np.zeros(0, np.int64), job.options.seed, kinds
        )
        files: dict[str, Any] = {}
        cold_items, cold_users = all_read["cold_items"], all_read["cold_users"]
        parts = dict(split_events(events, splitter, cold_items, cold_users))
        counts = counts_of(parts, cold_users, kinds)
        for name, part in parts.items():
            records = encode_histories(part, with_kinds=bool(kinds))
            files |= job.write_shard(f"interactions/{name}", number, records)
    job.write_note("histories", number, {"counts": counts, "files": files})


def unlisted_spans(all_read: Any, first_shard: int, job: Job) -> Iterator[tuple[int, int, int]]:
    """Divides the users that are not in the user table: (shard, first row, end row)."""
    first, end = all_read["unlisted"]
    rows = job.options.rows_per_shard
    for number, start in enumerate(range(first, end, rows), start=first_shard):
        yield number, start, min(start + rows, end)


def write_unlisted(span: tuple[int, int, int], job: Job) -> None:
    """Writes records without features for a range of users that are not in the user table."""
    number, start, end = span
    with job.errors.reporting():
        ids = job.read_ids(USER_IDS).take(np.arange(start, end))
        records = (encode_example({"id": [id_.encode()]}) for id_ in ids)
        files = job.write_shard("users", number, records)
    job.write_note("unlisted", number, {"files": files})
