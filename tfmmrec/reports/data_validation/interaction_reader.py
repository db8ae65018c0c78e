"""The interactions in batches, as everything that looks at them takes them."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.interactions.records import EVENT_FEATURES
from tfmmrec.reports.data_validation.anomalies import Fault
from tfmmrec.reports.data_validation.shard_reader import Batch, ShardReader

_COLUMNS = tuple(name for name in EVENT_FEATURES if name != "user")


@dataclasses.dataclass(frozen=True)
class Events:
    """The events of some records, one record a user.

    Attributes:
        shard: the shard's name within the data folder.
        record: int64 `[events]`, the number of each event's record in the shard, from 1.
        columns: the columns by name, each `[events]`; `user` among them.
    """

    shard: str
    record: np.ndarray
    columns: dict[str, np.ndarray]

    def take(self, chosen: np.ndarray) -> "Events":
        """Returns the events of a mask."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return Events(self.shard, self.record[chosen], columns)


class EventReader:
    """Streams the events of one split; a record whose columns differ in length is left out."""

    def __init__(self, dataset: Dataset, split: str):
        self.shards = ShardReader(dataset.folder, f"interactions/{split}", EVENT_FEATURES)
        self.faults: list[Fault] = []

    def __iter__(self) -> Iterator[Events]:
        for batch in self.shards:
            yield self._events(batch)

    def _events(self, batch: Batch) -> Events:
        parsed = {name: batch.features[name] for name in _COLUMNS}
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
                self.faults.append(Fault(batch.shard, problem, about="columns of unequal length"))

        def spread(values: np.ndarray) -> np.ndarray:
            return np.repeat(values[equal], lengths["item"][equal])

        columns = {
            name: column.flat_values.numpy()[np.repeat(equal, lengths[name])]
            for name, column in parsed.items()
        }
        columns["user"] = spread(batch.features["user"].numpy())
        return Events(batch.shard, spread(np.array(batch.numbers)), columns)
