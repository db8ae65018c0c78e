"""What a stopped pack has finished: a note for each whole shard, written when it is on the disk."""

import json
from pathlib import Path
from typing import Any

from tfmmrec.data.storage import atomic_write


class Journal:
    """Notes by stage and number.

    Args:
        folder: where the notes are kept.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def notes(self, stage: str) -> list[dict[str, Any]]:
        """Returns the notes of a stage, numbered from 0 without a gap."""
        found: list[dict[str, Any]] = []
        while (path := self._path(stage, len(found))).exists():
            found.append(json.loads(path.read_text(encoding="utf-8")))
        return found

    def write(self, stage: str, number: int, note: dict[str, Any]) -> None:
        """Writes a note atomically."""
        path = self._path(stage, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(json.dumps(note).encode())

    def _path(self, stage: str, number: int) -> Path:
        return self.folder / stage / f"{number:05d}.json"
