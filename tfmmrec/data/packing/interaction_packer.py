"""Packs the interactions: spills them to disk by user, then sorts, splits and writes them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset_file import DatasetFile, InteractionTable
from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions import (
    SPLITS,
    EventKinds,
    Interactions,
    Splitter,
    create_splitter,
    in_order,
    split_events,
)
from tfmmrec.data.interactions.reader import read_interactions
from tfmmrec.data.interactions.repeats import count_repeats
from tfmmrec.data.interactions.spill import BUCKET_USERS, Spill
from tfmmrec.data.packing.cold_start_split import ColdStartCandidates, draw_cold
from tfmmrec.data.packing.journal import Journal
from tfmmrec.data.packing.parallel import prefetch
from tfmmrec.data.packing.statistics import Rejects
from tfmmrec.data.packing.unlisted_users import unlisted_users
from tfmmrec.data.progress import rows_bar
from tfmmrec.data.storage import manifest_entry
from tfmmrec.data.tfrecords import Shard, encode_example
from tfmmrec.data.times.span import TimeSpan
from tfmmrec.data.vocabulary import read_vocabulary, write_vocabulary

_STAGE = "interactions"
COUNTS = ("count", "positives", *SPLITS, "valid_repeats", "test_repeats")
# Approximate record size, which decides before encoding which users share a shard.
_BYTES_PER_EVENT, _BYTES_PER_USER = 16, 100
_EVENTS_PER_CHUNK = 1 << 16


class InteractionPacker:
    """Packs the interactions; resumes after the shards that an earlier run completed.

    Args:
        dataset: the dataset file.
        items: the ids of the packed items.
        users: the ids of the user table; gets the users that only the interactions contain.
        folder: the unfinished data folder.
        notes: a folder for intermediate files, which is kept if packing is interrupted.
        journal: the journal of complete shards.
        rejects: collects invalid rows and values.
        options: the packing options.

    Attributes:
        cold_items: the rows of cold-start items.
        cold_users: the rows of cold-start users.
        counts: the number of events, in total and by split; and the first and the last time.
        num_read: the number of rows read.
        files: the manifest entries of the shards, by name.
    """

    def __init__(
        self,
        dataset: DatasetFile,
        items: IdIndex,
        users: IdIndex,
        *,
        folder: Path,
        notes: Path,
        journal: Journal,
        rejects: Rejects,
        options: PackConfig,
    ):
        self.dataset = dataset
        self.items = items
        self.users = users
        self.folder = folder
        self.notes = notes
        self.journal = journal
        self.rejects = rejects
        self.options = options
        self.kinds = dataset.interactions.kinds
        self.spill = Spill(notes / "events")
        self.cold_items = self.cold_users = np.zeros(0, np.int64)
        self.counts: dict[str, Any] = dict.fromkeys(COUNTS, 0)
        self.files: dict[str, Any] = {}
        self.num_read = 0

    def read(self) -> None:
        """Reads the table and spills the events to disk by user.

        Raises:
            DataError: the table cannot be read, or has no valid row.
        """
        table = self.dataset.interactions.source
        num_listed = len(self.users)
        if not self.journal.notes("read"):
            self._read()
        (note,) = self.journal.notes("read")
        if len(self.users) < note["num_users"]:
            self.users.extend(read_vocabulary(self.notes / "users.txt"))
        self.counts |= note["facts"] | unlisted_users(self.dataset, self.users, num_listed)
        self.num_read = note["num_read"]
        self.rejects.num_read += self.num_read
        with (self.notes / "rejects.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                self.rejects.add(table, *json.loads(line))
        if not self.spill.counts():
            raise self.rejects.no_valid_row(table)
        dataset, seed = self.dataset, self.options.seed
        with np.load(self.notes / "cold_start_candidates.npz") as rows:
            self.cold_items = draw_cold(dataset.cold_share, rows["items"], self.items, seed)
            self.cold_users = draw_cold(dataset.cold_user_share, rows["users"], self.users, seed)

    def _read(self) -> None:
        table = self.dataset.interactions
        self.spill.clear()
        quiet = self.options.quiet
        num_listed, num_read, num_rejected = len(self.users), 0, 0
        candidates, span = ColdStartCandidates(len(self.items), self.kinds), TimeSpan()
        num_by_kind = np.zeros(max(1, len(self.kinds.names)), np.int64)
        unknown: list[int] = []
        with (
            rows_bar("interactions", table.source, quiet=quiet) as progress,
            (self.notes / "rejects.jsonl").open("w", encoding="utf-8") as rejected,
        ):

            def on_reject(*reject: Any) -> None:
                nonlocal num_rejected
                num_rejected += 1
                rejected.write(json.dumps(reject) + "\n")

            for events in prefetch(
                read_interactions(table, self.items, self.users, on_reject, unknown.append)
            ):
                self.spill.add(events)
                candidates.observe(events)
                span.observe(events.time)
                num_by_kind += np.bincount(events.kind, minlength=len(num_by_kind))
                num_read += len(events)
                progress.update(num_read + num_rejected - progress.n)
        np.savez(
            self.notes / "cold_start_candidates.npz", items=candidates.items, users=candidates.users
        )
        write_vocabulary(self.notes / "users.txt", self.users.from_row(num_listed))
        num_read += num_rejected
        facts = facts_of(table, span, sum(unknown), num_by_kind)
        note = {"num_read": num_read, "num_users": len(self.users), "facts": facts}
        self.journal.write("read", 0, note)

    def write(self) -> None:
        """Sorts, splits and writes the events, one shard of neighboring users at a time.

        Raises:
            StorageError: a shard cannot be written.
        """
        counts = self.spill.counts()
        split = self.dataset.split
        times = self.spill.times() if split["by"] == "time" else np.zeros(sum(counts.values()))
        splitter = create_splitter(split, times, self.options.seed, self.kinds)
        done = self.journal.notes(_STAGE)
        for note in done:
            self._count(note)
            splitter.restore(note["splitter"])
        total, quiet = sum(counts.values()), self.options.quiet
        with rows_bar("histories", total, done=splitter.seen, quiet=quiet) as progress:
            for number, buckets in enumerate(self._groups(counts)):
                if number >= len(done):
                    note = self._write_shard(number, buckets, splitter)
                    self._count(note)
                    self.journal.write(_STAGE, number, note)
                    progress.update(splitter.seen - progress.n)

    def _groups(self, counts: dict[int, int]) -> Iterator[list[int]]:
        """Groups neighboring buckets into shards."""
        group: list[int] = []
        size = 0
        for bucket, num_events in counts.items():
            group.append(bucket)
            size += num_events * _BYTES_PER_EVENT + BUCKET_USERS * _BYTES_PER_USER
            if size >= self.options.shard_bytes:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _write_shard(self, number: int, buckets: list[int], splitter: Splitter) -> dict[str, Any]:
        """Writes one shard per split; returns its journal entry."""
        shards: dict[str, Shard] = {}
        counts = dict.fromkeys(COUNTS, 0)
        for bucket in buckets:
            events = in_order(self.spill.read(bucket), self.users, self.items)
            parts = dict(split_events(events, splitter, self.cold_items, self.cold_users))
            for name, count in counts_of(parts, self.cold_users, self.kinds).items():
                counts[name] += count
            for name, part in parts.items():
                if len(part) and name not in shards:
                    folder = self.folder / "interactions" / name
                    shards[name] = Shard(folder, number, gzip=self.options.gzip)
                for record in encode_histories(part, with_kinds=bool(self.kinds)):
                    shards[name].write(record)
        for shard in shards.values():
            shard.close()
        files = {
            str(shard.path.relative_to(self.folder)): manifest_entry(shard.path)
            for shard in shards.values()
        }
        return {"counts": counts, "files": files, "splitter": splitter.state()}

    def _count(self, note: dict[str, Any]) -> None:
        self.files.update(note["files"])
        for name, count in note["counts"].items():
            self.counts[name] += count


def counts_of(
    parts: Mapping[str, Interactions],
    cold_users: np.ndarray | list[int],
    kinds: EventKinds = EventKinds(),
) -> dict[str, int]:
    """Returns the COUNTS of all events of some users, given by split."""
    return {
        "count": sum(map(len, parts.values())),
        "positives": sum(int(part.positive.sum()) for part in parts.values()),
        **{name: len(part) for name, part in parts.items()},
        **count_repeats(parts, cold_users, kinds),
    }


def facts_of(
    table: InteractionTable, span: TimeSpan, num_unknown: int, num_by_kind: np.ndarray
) -> dict[str, Any]:
    """Returns the entries of statistics.json on all events.

    Args:
        table: the table of the events.
        span: their times.
        num_unknown: the number that are not positives because a value is absent.
        num_by_kind: the number of events of each kind.

    Returns:
        `times`: the first and last time, null without times; left out if they are an order.
        `unknown_positives`: that number; left out if it is 0.
        `kinds`: the number of events and the weight of each kind; left out without kinds.
        `allows_repeats`: true if they are allowed; else left out.
    """
    found: dict[str, Any] = {"unknown_positives": num_unknown} if num_unknown else {}
    if table.kinds:
        found["kinds"] = {
            name: {"count": int(count), "weight": weight}
            for (name, weight), count in zip(table.kinds.weights.items(), num_by_kind, strict=True)
        }
    if table.allows_repeats:
        found["allows_repeats"] = True
    if table.time is None:
        return {"times": None, **found}
    return found if table.time_format == "order" else {"times": span.statistics(), **found}


def encode_histories(events: Interactions, *, with_kinds: bool = False) -> Iterator[bytes]:
    """Encodes the events of each user as one Example; they must be contiguous.

    Args:
        events: of one split.
        with_kinds: whether the log has kinds, which the records then have as well.
    """
    first = np.flatnonzero(np.append(True, events.user[1:] != events.user[:-1]))
    ends = np.append(first[1:], len(events))
    start = 0
    while len(events) and start < len(first):
        # A limited number of users at a time keeps the lists short.
        stop = max(start + 1, int(np.searchsorted(ends, first[start] + _EVENTS_PER_CHUNK)))
        base = int(first[start])
        span = events.take(slice(base, int(ends[stop - 1])))
        columns = {
            "item": span.item.tolist(),
            "time": span.time.tolist(),
            "rating": span.rating.tolist(),
            "positive": span.positive.astype(np.int64).tolist(),
            "order": span.order.tolist(),
        }
        if with_kinds:
            columns |= {"kind": span.kind.tolist(), "weight": span.weight.tolist()}
        users = span.user[first[start:stop] - base].tolist()
        begins, finishes = (first[start:stop] - base).tolist(), (ends[start:stop] - base).tolist()
        for user, begin, end in zip(users, begins, finishes, strict=True):
            history = {name: column[begin:end] for name, column in columns.items()}
            yield encode_example({"user": [user], **history})
        start = stop
