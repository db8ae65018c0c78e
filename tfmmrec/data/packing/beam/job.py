"""The packing job that all workers share, and the files through which they communicate."""

import contextlib
import dataclasses
import functools
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.beam.worker_errors import WorkerErrors
from tfmmrec.data.dataset_file import DatasetFile, Table
from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.storage import manifest_entry
from tfmmrec.data.tables.chunks import OnReject
from tfmmrec.data.tfrecords import Shard
from tfmmrec.data.vocabulary import read_vocabulary, write_vocabulary
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.modalities import Modality


@dataclasses.dataclass(frozen=True)
class BeamOptions:
    """Options of packing with Beam.

    Attributes:
        rows_per_shard: the number of rows of items or users per shard.
        users_per_shard: the number of users per shard of interactions, sorted in memory.
        max_rejects: the share, from 0 to 1, of the rows of a table that may be rejected, and of its
            rows in which a feature may have a rejected value; unless it is 0, one of each may be.
        seed: the seed of cold-start items and users.
        gzip: whether to compress the shards.
    """

    rows_per_shard: int = 50_000
    users_per_shard: int = 20_000
    max_rejects: float = 0.05
    seed: int = 0
    gzip: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.max_rejects <= 1:
            raise ConfigError(f"max_rejects must be from 0 to 1. Received: {self.max_rejects}")
        for name in ("rows_per_shard", "users_per_shard"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1. Received: {getattr(self, name)}")


@dataclasses.dataclass(frozen=True)
class Job:
    """A packing job in progress, on a file system that all workers share.

    A runner may retry a bundle, or run it twice at the same time. Therefore each attempt writes to
    a folder of its own and renames complete files; all attempts write the same bytes.

    Attributes:
        dataset: the dataset file.
        folder: the unfinished data folder.
        options: the packing options.
    """

    dataset: DatasetFile
    folder: Path
    options: BeamOptions

    @property
    def scratch(self) -> Path:
        """The folder of temporary files."""
        return self.folder / ".beam"

    def make_folders(self) -> None:
        """Creates the folders; workers create only direct children of them.

        Thus a worker that outlives the pipeline cannot recreate a removed folder.
        """
        for folder in (self.scratch / "attempts", self.folder / "interactions"):
            folder.mkdir(parents=True)

    @property
    def tables(self) -> dict[str, Table]:
        """The tables of items and, if there is one, of users."""
        users = {"users": self.dataset.users} if self.dataset.users else {}
        return {"items": self.dataset.items, **users}

    def features(self, entity: str) -> Mapping[str, Modality]:
        """Returns the features of items or users by name, derived ones included."""
        schema = self.dataset.schema()
        return schema.items if entity == "items" else schema.users

    def write_shard(self, folder: str, number: int, records: Iterable[bytes]) -> dict[str, Any]:
        """Writes FOLDER/part-NUMBER; returns its manifest entry, or {} without records."""
        shard = None
        with self._attempt() as attempt:
            for record in records:
                shard = shard or Shard(attempt, number, gzip=self.options.gzip)
                shard.write(record)
            if shard is None:
                return {}
            shard.close()
            entry = manifest_entry(shard.path)
            target = self.folder / folder / shard.path.name
            _rename(shard.path, target)
        return {str(target.relative_to(self.folder)): entry}

    def write_note(self, stage: str, number: int, note: Any) -> None:
        """Writes a journal entry as JSON."""
        with self._attempt() as attempt:
            (attempt / "note").write_text(json.dumps(note), encoding="utf-8")
            _rename(attempt / "note", self.scratch / stage / f"{number:08d}.json")

    def read_note(self, stage: str, number: int) -> Any:
        """Reads a journal entry."""
        return _read(self.scratch / stage / f"{number:08d}.json")

    def read_notes(self, stage: str) -> Iterator[Any]:
        """Reads all entries of a stage in the order of their numbers."""
        for path in sorted((self.scratch / stage).glob("*.json")):
            yield _read(path)

    def write_ids(self, name: str, ids: list[str]) -> None:
        """Writes ids as the vocabulary NAME of the data folder."""
        with self._attempt() as attempt:
            write_vocabulary(attempt / "ids", ids)
            _rename(attempt / "ids", self.folder / name)

    def read_ids(self, name: str) -> IdIndex:
        """Reads a vocabulary of ids, which is cached and must not be modified."""
        return _read_ids(self.folder / name)

    @contextlib.contextmanager
    def writing_rejects(self, stage: str) -> Iterator[OnReject]:
        """Yields a function that writes rejects to a file, which is renamed at the end."""
        with self._attempt() as attempt:
            with (attempt / "rejects").open("w", encoding="utf-8") as lines:
                yield lambda *reject: print(json.dumps(reject), file=lines)
            _rename(attempt / "rejects", self.scratch / "rejects" / stage)

    def read_rejects(self, stage: str) -> Iterator[tuple[int, str | None, str]]:
        """Reads the file of `writing_rejects`."""
        path = self.scratch / "rejects" / stage
        if not path.exists():
            raise _not_visible(path)
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    @property
    def errors(self) -> WorkerErrors:
        """Where workers report errors to the launcher."""
        return WorkerErrors(self.scratch / "errors")

    def _attempt(self) -> Any:
        return _attempt(self.scratch / "attempts")


@contextlib.contextmanager
def _attempt(parent: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _rename(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    os.replace(source, target)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _not_visible(path) from None


# A process runs one job at a time, and needs the ids of items and users.
@functools.lru_cache(maxsize=2)
def _read_ids(path: Path) -> IdIndex:
    if not path.exists():
        raise _not_visible(path)
    return IdIndex(read_vocabulary(path))


def _not_visible(path: Path) -> DataError:
    return DataError(
        f"{path}: the file of another worker is not visible to this one; "
        "--out must be on a file system that all workers share"
    )
