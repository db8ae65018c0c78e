"""Packs the table of items or of users, shard by shard."""

import dataclasses
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset_file import Table
from tfmmrec.data.packing.journal import Journal
from tfmmrec.data.packing.parallel import map_in_order
from tfmmrec.data.packing.row import PackedRow, pack_row
from tfmmrec.data.packing.statistics import Rejects, Tally
from tfmmrec.data.progress import rows_bar
from tfmmrec.data.storage import manifest_entry
from tfmmrec.data.tables.chunks import Row
from tfmmrec.data.tables.missing import MarkCounter
from tfmmrec.data.tables.read import read_table
from tfmmrec.data.tfrecords import Shard
from tfmmrec.modalities import Modality

# Also ends a shard, so that a table of invalid rows does not fill the memory.
_MAX_REJECTS = 100_000
_MAX_PENDING = 2

Reject = tuple[int, str | None, str]


@dataclasses.dataclass
class _Part:
    """An unfinished shard and the statistics of its rows.

    Attributes:
        row: the number of the last row read for it.
        num_read: the number of rows read for it.
    """

    tally: Tally
    row: int
    shard: Shard | None = None
    num_read: int = 0
    ids: list[str] = dataclasses.field(default_factory=list)
    rejects: list[Reject] = dataclasses.field(default_factory=list)

    def is_full(self, shard_bytes: int) -> bool:
        is_large = self.shard is not None and self.shard.num_bytes >= shard_bytes
        return is_large or len(self.rejects) >= _MAX_REJECTS

    def note(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "num_read": self.num_read,
            "ids": self.ids,
            "rejects": sorted(self.rejects, key=lambda reject: reject[0]),
            "tally": self.tally.state(),
        }


class EntityPacker:
    """Packs items or users; resumes after the shards that an earlier run completed.

    Args:
        name: `items` or `users`.
        table: the table.
        features: the features, derived ones included.
        folder: the unfinished data folder.
        journal: the journal of complete shards.
        rejects: collects invalid rows and values.
        options: the packing options.

    Attributes:
        ids: the ids in the order of their rows.
        tally: the statistics of the features.
        files: the manifest entries of the shards, by name.
        num_shards: the number of shards.
        num_read: the number of rows read.
    """

    def __init__(
        self,
        name: str,
        table: Table,
        features: Mapping[str, Modality],
        *,
        folder: Path,
        journal: Journal,
        rejects: Rejects,
        options: PackConfig,
    ):
        self.name = name
        self.table = table
        self.features = features
        self.folder = folder
        self.journal = journal
        self.rejects = rejects
        self.options = options
        self.ids: dict[str, None] = {}
        self.tally = Tally(features)
        self.files: dict[str, Any] = {}
        self.num_shards = self.num_read = 0
        self._row = 0
        self._unreadable: list[Reject] = []

    def pack(self, root: Path) -> None:
        """Packs the table; paths in it are relative to `root`.

        Raises:
            DataError: the table cannot be read, or has no valid row.
            StorageError: a shard cannot be written.
        """
        done = self.journal.notes(self.name)
        for note in done:
            self.ids.update(dict.fromkeys(note["ids"]))
            self._count(note)
            self.files.update(note["files"])
        self.num_shards = len(self.files)
        progress = rows_bar(
            self.name, self.table.source, done=self.num_read, quiet=self.options.quiet
        )
        # Another thread flushes complete shards to disk and computes their checksums.
        with progress, ThreadPoolExecutor(1) as background:
            pending: list[Future[dict[str, Any]]] = []
            parts = self._parts(self._packed_rows(root, progress))
            for number, part in enumerate(parts, start=len(done)):
                note = part.note()
                self._count(note)
                pending.append(background.submit(self._finish, part, note, number))
                if len(pending) > _MAX_PENDING:
                    self.files.update(pending.pop(0).result())
            for future in pending:
                self.files.update(future.result())
        if not self.ids:
            raise self.rejects.no_valid_row(self.table.source)

    def _packed_rows(self, root: Path, progress: Any) -> Iterator[PackedRow]:
        declared = {name: self.features[name] for name in self.table.features}
        columns = dict.fromkeys([self.table.id, *declared])

        def on_reject(row: int, field: str | None, reason: str) -> None:
            if row > self._row:
                self._unreadable.append((row, field, reason))

        def pack_one(numbered: tuple[int, Row]) -> PackedRow:
            number, row = numbered
            return pack_row(number, row, self.table.id, declared, root)

        done = self._row
        rows = read_table(self.table.source, columns, on_reject, (self.table.id,))
        marks = MarkCounter(self.table.source, declared)
        # Without files and steps, threads would only wait for the interpreter lock.
        heavy = any(modality.reads_files or modality.steps for modality in declared.values())
        mapped = map_in_order if heavy else map
        for packed in mapped(pack_one, (row for row in marks.watch(rows) if row[0] > done)):
            progress.update()
            yield packed
        if line := marks.message():
            print(line)

    def _parts(self, rows: Iterator[PackedRow]) -> Iterator[_Part]:
        part = _Part(Tally(self.features), self._row)
        for packed in rows:
            if part.is_full(self.options.shard_bytes):
                yield self._closed(part)
                part = _Part(Tally(self.features), part.row)
            part.row = packed.number
            part.num_read += 1
            self._add(packed, part)
        part.row = max([part.row, *(row for row, _, _ in self._unreadable)])
        yield self._closed(part)

    def _add(self, packed: PackedRow, part: _Part) -> None:
        for field, reason in packed.rejects:
            part.rejects.append((packed.number, field, reason))
        if packed.id is None:
            return
        if packed.id in self.ids:
            reason = f"duplicate id {packed.id!r}"
            part.rejects.append((packed.number, self.table.id, reason))
            return
        if part.shard is None:
            part.shard = Shard(self.folder / self.name, self.num_shards, gzip=self.options.gzip)
            self.num_shards += 1
        part.shard.write(packed.record)
        part.ids.append(packed.id)
        part.tally.count(packed)
        self.ids[packed.id] = None

    def _closed(self, part: _Part) -> _Part:
        """Adds the unreadable rows in the range of a part to it."""
        own = [reject for reject in self._unreadable if reject[0] <= part.row]
        self._unreadable = self._unreadable[len(own) :]
        part.rejects.extend(own)
        part.num_read += len(own)
        return part

    def _count(self, note: dict[str, Any]) -> None:
        self._row = note["row"]
        self.num_read += note["num_read"]
        self.tally.join(note["tally"])
        self.rejects.num_read += note["num_read"]
        for row, field, reason in note["rejects"]:
            self.rejects.add(self.table.source, row, field, reason)

    def _finish(self, part: _Part, note: dict[str, Any], number: int) -> dict[str, Any]:
        """Closes the shard of a part and writes it to the journal."""
        files = {}
        if part.shard is not None:
            part.shard.close()
            name = str(part.shard.path.relative_to(self.folder))
            files[name] = manifest_entry(part.shard.path)
        self.journal.write(self.name, number, {**note, "files": files})
        return files
