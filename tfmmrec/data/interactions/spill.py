"""Spills events to disk between the table and the shards, so that they need not fit in memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfmmrec.data.interactions.events import Interactions, by_user_blocks

# Consecutive users share a file; their events are read back together.
BUCKET_USERS = 1 << 14

_RECORD = np.dtype(
    [
        ("user", np.int32),
        ("item", np.int32),
        ("time", np.int64),
        ("rating", np.float32),
        ("positive", np.bool_),
        ("part", np.int8),
        ("kind", np.int16),
        ("weight", np.float32),
    ]
)


class Spill:
    """Buckets of events on disk, each of consecutive users.

    Args:
        folder: folder of the buckets, created if it does not exist.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, events: Interactions) -> None:
        """Appends events to the buckets of their users."""
        for bucket, block in by_user_blocks(events, BUCKET_USERS):
            records = np.empty(len(block), _RECORD)
            for name in _RECORD.names or ():
                records[name] = getattr(block, name)
            with self._path(bucket).open("ab") as file:
                file.write(records.view(np.uint8).data)

    def clear(self) -> None:
        """Removes all events."""
        for path in self.folder.glob("*.events"):
            path.unlink()

    def counts(self) -> dict[int, int]:
        """Returns the number of events of each bucket, in the order of users."""
        paths = sorted(self.folder.glob("*.events"))
        return {int(path.stem): path.stat().st_size // _RECORD.itemsize for path in paths}

    def read(self, bucket: int) -> Interactions:
        """Returns the events of a bucket in the order in which they were added."""
        records = np.fromfile(self._path(bucket), _RECORD)
        columns = {name: np.ascontiguousarray(records[name]) for name in _RECORD.names or ()}
        return Interactions(**columns, order=np.zeros(len(records), np.int32))

    def times(self) -> np.ndarray:
        """Returns the times of all events, in the order of buckets."""
        return np.concatenate([np.zeros(0, np.int64), *self._all_times()])

    def _all_times(self) -> Iterator[np.ndarray]:
        for bucket in self.counts():
            yield np.fromfile(self._path(bucket), _RECORD)["time"].copy()

    def _path(self, bucket: int) -> Path:
        return self.folder / f"{bucket:08d}.events"
