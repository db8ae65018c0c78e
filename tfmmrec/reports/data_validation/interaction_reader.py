"""Reads the interactions in batches for validation and statistics."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.interactions.records import event_features
from tfmmrec.reports.data_validation.anomalies import Anomaly
from tfmmrec.reports.data_validation.shard_reader import Batch, ShardReader


@dataclasses.dataclass(frozen=True)
class Events:
    """The events of a batch of records, one record per user.

    Attributes:
        shard: the path of the shard in the data folder.
        record: int64 `[events]`, the number of each event's record in the shard, from 1.
        columns: the columns by name, each `[events]`, including `user`.
    """

    shard: str
    record: np.ndarray
    columns: dict[str, np.ndarray]

    def take(self, mask: np.ndarray) -> "Events":
        """Returns the events that a mask selects."""
        columns = {name: column[mask] for name, column in self.columns.items()}
        return Events(self.shard, self.record[mask], columns)


class EventReader:
    """Streams the events of one split; skips records whose columns differ in length."""

    def __init__(self, dataset: Dataset, split: str):
        features = event_features(dataset.schema.kinds)
        self.shards = ShardReader(dataset.folder, f"interactions/{split}", features)
        self._columns = [name for name in features if name != "user"]
        self.anomalies: list[Anomaly] = []

    def __iter__(self) -> Iterator[Events]:
        for batch in self.shards:
            yield self._events(batch)

    def _events(self, batch: Batch) -> Events:
        parsed = {name: batch.features[name] for name in self._columns}
        lengths = {name: column.row_lengths().numpy() for name, column in parsed.items()}
        equal = np.ones(len(batch.numbers), bool)
        for name, length in lengths.items():
            differs = length != lengths["item"]
            equal &= ~differs
            for place in np.flatnonzero(differs):
                problem = (
                    f"record {batch.numbers[place]} has {lengths['item'][place]} items, "
                    f"but {length[place]} values of {name}"
                )
                self.anomalies.append(
                    Anomaly(batch.shard, problem, category="columns of unequal length")
                )

        def spread(values: np.ndarray) -> np.ndarray:
            return np.repeat(values[equal], lengths["item"][equal])

        columns = {
            name: column.flat_values.numpy()[np.repeat(equal, lengths[name])]
            for name, column in parsed.items()
        }
        columns["user"] = spread(batch.features["user"].numpy())
        return Events(batch.shard, spread(np.array(batch.numbers)), columns)
