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
from tfmmrec.data.tables.read import read_table
from tfmmrec.data.tfrecords import Shard
from tfmmrec.modalities import Modality

# Ends a shard too, so that a table full of broken rows does not pile up in memory.
_MOST_REJECTS = 100_000
_MOST_PENDING = 2

Reject = tuple[int, str | None, str]


@dataclasses.dataclass
class _Part:
    """A shard in the making, and what is counted of its rows.

    Attributes:
        row: the number of the last row that was read for it.
        num_read: how many rows were read for it.
    """

    tally: Tally
    row: int
    shard: Shard | None = None
    num_read: int = 0
    ids: list[str] = dataclasses.field(default_factory=list)
    rejects: list[Reject] = dataclasses.field(default_factory=list)

    def is_full(self, shard_bytes: int) -> bool:
        is_large = self.shard is not None and self.shard.num_bytes >= shard_bytes
        return is_large or len(self.rejects) >= _MOST_REJECTS

    def note(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "num_read": self.num_read,
            "ids": self.ids,
            "rejects": sorted(self.rejects, key=lambda reject: reject[0]),
            "tally": self.tally.state(),
        }


class EntityPacker:
    """Packs one side; what an earlier run of the same key finished is not done again.

    Args:
        name: `items` or `users`.
        table: the side's table.
        features: the side's features, derived ones among them.
        folder: the data folder in the making.
        journal: of the shards that are whole.
        rejects: gets what is broken.
        options: how to pack.

    Attributes:
        ids: the ids in the order of their rows.
        tally: what was counted.
        files: the manifest's entries of the shards, by name.
        num_shards: how many there are.
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
        self.num_shards = 0
        self._row = 0
        self._unreadable: list[Reject] = []

    def pack(self, root: Path) -> None:
        """Packs the table; paths in it are relative to `root`.

        Raises:
            DataError: the table cannot be read, or holds no row that can be used.
            StorageError: a shard cannot be written.
        """
        done = self.journal.notes(self.name)
        for note in done:
            self.ids.update(dict.fromkeys(note["ids"]))
            self._count(note)
            self.files.update(note["files"])
        self.num_shards = len(self.files)
        progress = rows_bar(self.name, self.table.path, done=self._row, quiet=self.options.quiet)
        # Another thread brings whole shards to the disk and computes their checksums.
        with progress, ThreadPoolExecutor(1) as background:
            pending: list[Future[dict[str, Any]]] = []
            parts = self._parts(self._packed_rows(root, progress))
            for number, part in enumerate(parts, start=len(done)):
                note = part.note()
                self._count(note)
                pending.append(background.submit(self._finish, part, note, number))
                if len(pending) > _MOST_PENDING:
                    self.files.update(pending.pop(0).result())
            for future in pending:
                self.files.update(future.result())
        if not self.ids:
            raise self.rejects.no_usable_row(self.table.path)

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
        rows = read_table(self.table.path, columns, on_reject)
        # Without files and steps, threads would only wait for the interpreter lock.
        heavy = any(modality.reads_files or modality.steps for modality in declared.values())
        mapped = map_in_order if heavy else map
        for packed in mapped(pack_one, (row for row in rows if row[0] > done)):
            progress.update()
            yield packed

    def _parts(self, rows: Iterator[PackedRow]) -> Iterator[_Part]:
        part = _Part(Tally(self.features), self._row)
        for packed in rows:
            # Rows that were rescued out of a broken one share its number, and stay together.
            if part.is_full(self.options.shard_bytes) and packed.number > part.row:
                yield self._closed(part)
                part = _Part(Tally(self.features), part.row)
            part.row = packed.number
            part.num_read += 1
            self._add(packed, part)
        part.row = max([part.row, *(row for row, _, _ in self._unreadable)])
        yield self._closed(part)

    def _add(self, packed: PackedRow, part: _Part) -> None:
        part.rejects.extend((packed.number, field, reason) for field, reason in packed.rejects)
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
        part.tally.count(packed.values)
        self.ids[packed.id] = None

    def _closed(self, part: _Part) -> _Part:
        """Gives a part the rows in its span that could not be read at all."""
        mine = [reject for reject in self._unreadable if reject[0] <= part.row]
        self._unreadable = self._unreadable[len(mine) :]
        part.rejects.extend(mine)
        part.num_read += len(mine)
        return part

    def _count(self, note: dict[str, Any]) -> None:
        self._row = note["row"]
        self.tally.join(note["tally"])
        self.rejects.num_read += note["num_read"]
        for row, field, reason in note["rejects"]:
            self.rejects.add(self.table.path, row, field, reason)

    def _finish(self, part: _Part, note: dict[str, Any], number: int) -> dict[str, Any]:
        """Closes a part's shard, and notes it once it is on the disk."""
        files = {}
        if part.shard is not None:
            part.shard.close()
            name = str(part.shard.path.relative_to(self.folder))
            files[name] = manifest_entry(part.shard.path)
        self.journal.write(self.name, number, {**note, "files": files})
        return files
