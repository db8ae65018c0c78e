"""The journal of complete shards, from which an interrupted packing resumes."""

import json
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import atomic_write


class Journal:
    """Entries by stage and number, written after the shard is on disk.

    Args:
        folder: the folder of the entries.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def notes(self, stage: str) -> list[dict[str, Any]]:
        """Returns the entries of a stage, numbered from 0 without gaps."""
        found: list[dict[str, Any]] = []
        while (path := self._path(stage, len(found))).exists():
            found.append(json.loads(path.read_text(encoding="utf-8")))
        return found

    def write(self, stage: str, number: int, note: dict[str, Any]) -> None:
        """Writes an entry atomically."""
        path = self._path(stage, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(json.dumps(note).encode())

    def _path(self, stage: str, number: int) -> Path:
        return self.folder / stage / f"{number:05d}.json"
