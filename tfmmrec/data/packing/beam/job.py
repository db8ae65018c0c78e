"""What every worker knows of a pack, and the files by which workers hand on what they did."""

import contextlib
import dataclasses
import functools
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tfmmrec.data.dataset_file import DatasetFile, Table
from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.storage import manifest_entry
from tfmmrec.data.tables.chunks import OnReject
from tfmmrec.data.tfrecords import Shard
from tfmmrec.data.vocabulary import read_vocabulary, write_vocabulary
from tfmmrec.errors import ConfigError, DataError, TfmmrecError
from tfmmrec.modalities import Modality


@dataclasses.dataclass(frozen=True)
class BeamOptions:
    """How to pack on Beam.

    Attributes:
        rows_per_shard: rows of a table of items or users that one worker packs into one file.
        users_per_shard: users whose histories one worker puts in order in its memory.
        max_rejects: the share of rows or values, from 0 to 1, that may be broken.
        seed: of the choice of cold items and users.
        gzip: whether to compress the shards.
    """

    rows_per_shard: int = 50_000
    users_per_shard: int = 20_000
    max_rejects: float = 0.05
    seed: int = 0
    gzip: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.max_rejects <= 1:
            raise ConfigError(f"max_rejects: from 0 to 1. Received: {self.max_rejects}")
        for name in ("rows_per_shard", "users_per_shard"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: 1 or more. Received: {getattr(self, name)}")


@dataclasses.dataclass(frozen=True)
class Job:
    """A pack on its way; all of its files are on a file system that every worker sees.

    A runner may try a bundle again, or twice at once. So each try writes in a folder of its own
    and renames what is whole into place; the name says what is in it, and the bytes are the same.

    Attributes:
        dataset: the dataset file.
        folder: the data folder in the making.
        options: how to pack.
    """

    dataset: DatasetFile
    folder: Path
    options: BeamOptions

    @property
    def scratch(self) -> Path:
        """The folder of what goes when all is done."""
        return self.folder / ".beam"

    def make_folders(self) -> None:
        """Makes the folders; workers make only what lies right in them.

        So a worker that outlives the pipeline cannot make anything where the folder once was.
        """
        for folder in (self.scratch / "attempts", self.folder / "interactions"):
            folder.mkdir(parents=True)

    @property
    def tables(self) -> dict[str, Table]:
        """The table of items and, if there is one, that of users, by side."""
        users = {"users": self.dataset.users} if self.dataset.users else {}
        return {"items": self.dataset.items, **users}

    def features(self, side: str) -> Mapping[str, Modality]:
        """Returns the features of one side by name, derived ones among them."""
        schema = self.dataset.schema()
        return schema.items if side == "items" else schema.users

    def write_shard(self, folder: str, number: int, records: Iterable[bytes]) -> dict[str, Any]:
        """Writes FOLDER/part-NUMBER; returns the manifest's entries, none if no record came."""
        shard = None
        with self._attempt() as place:
            for record in records:
                shard = shard or Shard(place, number, gzip=self.options.gzip)
                shard.write(record)
            if shard is None:
                return {}
            shard.close()
            entry = manifest_entry(shard.path)
            target = self.folder / folder / shard.path.name
            _rename(shard.path, target)
        return {str(target.relative_to(self.folder)): entry}

    def write_note(self, stage: str, number: int, note: Any) -> None:
        """Notes, as JSON, what was done."""
        with self._attempt() as place:
            (place / "note").write_text(json.dumps(note), encoding="utf-8")
            _rename(place / "note", self.scratch / stage / f"{number:08d}.json")

    def read_note(self, stage: str, number: int) -> Any:
        """Reads a note."""
        return _read(self.scratch / stage / f"{number:08d}.json")

    def read_notes(self, stage: str) -> Iterator[Any]:
        """Reads all notes of a stage in the order of their numbers."""
        for path in sorted((self.scratch / stage).glob("*.json")):
            yield _read(path)

    def write_ids(self, name: str, ids: list[str]) -> None:
        """Writes ids as a vocabulary, NAME in the folder."""
        with self._attempt() as place:
            write_vocabulary(place / "ids", ids)
            _rename(place / "ids", self.folder / name)

    def read_ids(self, name: str) -> IdIndex:
        """Reads a vocabulary of ids, kept in memory: treat it as read-only."""
        return _read_ids(self.folder / name)

    @contextlib.contextmanager
    def rejecting(self, stage: str) -> Iterator[OnReject]:
        """Gives what writes broken rows to a file, which is there when the block ends well."""
        with self._attempt() as place:
            with (place / "rejects").open("w", encoding="utf-8") as lines:
                yield lambda *reject: print(json.dumps(reject), file=lines)
            _rename(place / "rejects", self.scratch / "rejects" / stage)

    def read_rejects(self, stage: str) -> Iterator[tuple[int, str | None, str]]:
        """Reads what `rejecting` wrote."""
        path = self.scratch / "rejects" / stage
        if not path.exists():
            raise _unseen(path)
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Keeps the line of an error for the launcher, whom not every runner hands it."""
        try:
            yield
        except TfmmrecError as error:
            with contextlib.suppress(OSError):
                self.write_note("errors", 0, str(error))
            raise

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
        raise _unseen(path) from None


# A process packs one job at a time; it needs the ids of items and those of users.
@functools.lru_cache(maxsize=2)
def _read_ids(path: Path) -> IdIndex:
    if not path.exists():
        raise _unseen(path)
    return IdIndex(read_vocabulary(path))


def _unseen(path: Path) -> DataError:
    return DataError(
        f"{path}: what another worker wrote is not seen here; "
        "put --out on a file system that all workers share"
    )
