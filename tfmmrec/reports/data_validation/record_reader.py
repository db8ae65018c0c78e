"""One side's records in batches, as everything that looks at them takes them."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.reports.data_validation.shard_reader import ShardReader


@dataclasses.dataclass(frozen=True)
class Column:
    """One feature in a batch of records, absent values left out.

    Attributes:
        places: int64 `[present]`, the places in the batch that have a value.
        values: their values as Python has them: bytes, a float, or a list of them.
    """

    places: np.ndarray
    values: list[Any]


@dataclasses.dataclass(frozen=True)
class Rows:
    """A batch of records.

    Attributes:
        shard: the shard's name within the data folder.
        numbers: the records' numbers in the shard, from 1.
        rows: the records' rows in the vocabulary, from 0, if all before them could be read.
        ids: the records' ids.
        columns: the features by name.
    """

    shard: str
    numbers: list[int]
    rows: list[int]
    ids: list[bytes]
    columns: dict[str, Column]


class SideReader:
    """Streams the records of one side.

    Args:
        dataset: the data folder.
        side: `items` or `users`.
        quiet: no progress bar.
    """

    def __init__(self, dataset: Dataset, side: EntityName, *, quiet: bool = False):
        self.features = dataset.features(side)
        parsing = {name: modality.parsing() for name, modality in self.features.items()}
        self.shards = ShardReader(
            dataset.folder, side, {"id": tf.io.FixedLenFeature([], tf.string), **parsing}
        )
        self._progress = tqdm.tqdm(
            desc=side, total=dataset.count(side), unit="row", disable=True if quiet else None
        )

    def __iter__(self) -> Iterator[Rows]:
        for batch in self.shards:
            parsed = batch.features
            yield Rows(
                shard=batch.shard,
                numbers=batch.numbers,
                rows=[batch.before + number - 1 for number in batch.numbers],
                ids=parsed["id"].numpy().tolist(),
                columns={name: self._column(name, parsed[name]) for name in self.features},
            )
            self._progress.update(len(batch.numbers))
        self._progress.close()

    def _column(self, feature: str, values: Any) -> Column:
        present = self.features[feature].present(values)
        chosen = tf.ragged.boolean_mask(values, present)
        ragged = isinstance(chosen, tf.RaggedTensor)
        return Column(
            places=np.flatnonzero(present.numpy()),
            values=chosen.to_list() if ragged else chosen.numpy().tolist(),
        )
