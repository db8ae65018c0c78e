"""Reads the records of items or users in batches for validation and statistics."""

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
    """The present values of one feature in a batch of records.

    Attributes:
        positions: int64 `[present]`, the positions in the batch that have a value.
        values: the values as Python objects: bytes, a float, or a list of them.
    """

    positions: np.ndarray
    values: list[Any]


@dataclasses.dataclass(frozen=True)
class Rows:
    """A batch of records.

    Attributes:
        shard: the path of the shard in the data folder.
        numbers: the numbers of the records in the shard, from 1.
        rows: the rows of the records in the vocabulary, from 0, if earlier records are readable.
        ids: the ids of the records.
        columns: the features by name.
    """

    shard: str
    numbers: list[int]
    rows: list[int]
    ids: list[bytes]
    columns: dict[str, Column]


class EntityReader:
    """Streams the records of items or users.

    Args:
        dataset: the data folder.
        entity: `items` or `users`.
        quiet: whether to show no progress bar.
    """

    def __init__(self, dataset: Dataset, entity: EntityName, *, quiet: bool = False):
        self.features = dataset.features(entity)
        parsing = {name: modality.parsing() for name, modality in self.features.items()}
        self.shards = ShardReader(
            dataset.folder, entity, {"id": tf.io.FixedLenFeature([], tf.string), **parsing}
        )
        self._progress = tqdm.tqdm(
            desc=entity, total=dataset.count(entity), unit="row", disable=True if quiet else None
        )

    def __iter__(self) -> Iterator[Rows]:
        for batch in self.shards:
            parsed = batch.features
            yield Rows(
                shard=batch.shard,
                numbers=batch.numbers,
                rows=[batch.num_before + number - 1 for number in batch.numbers],
                ids=parsed["id"].numpy().tolist(),
                columns={name: self._column(name, parsed[name]) for name in self.features},
            )
            self._progress.update(len(batch.numbers))
        self._progress.close()

    def _column(self, feature: str, values: Any) -> Column:
        present = self.features[feature].present(values)
        kept = tf.ragged.boolean_mask(values, present)
        ragged = isinstance(kept, tf.RaggedTensor)
        return Column(
            positions=np.flatnonzero(present.numpy()),
            values=kept.to_list() if ragged else kept.numpy().tolist(),
        )
