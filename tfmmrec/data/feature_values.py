"""The features of known items or users in the form that a request has."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset, EntityName


class FeatureValues:
    """Every feature of one entity, read once and held, to be taken batch by batch.

    Args:
        dataset: a data folder.
        entity: `items` or `users`.
    """

    def __init__(self, dataset: Dataset, entity: EntityName):
        self._columns = {name: _read(dataset, entity, name) for name in dataset.features(entity)}

    def take(self, rows: np.ndarray) -> dict[str, tf.Tensor]:
        """Gives the values of some rows.

        Args:
            rows: int `[batch]`; -1 stands for somebody unknown, whose values are absent.

        Returns:
            Raw values by feature, as `Modality.signature` says.
        """
        return {name: _take(column, rows) for name, column in self._columns.items()}


def read_feature_values(
    dataset: Dataset, entity: EntityName, rows: np.ndarray
) -> dict[str, tf.Tensor]:
    """Reads the values of some rows as `FeatureValues.take` does, with one column in memory."""
    return {name: _take(_read(dataset, entity, name), rows) for name in dataset.features(entity)}


def read_feature_column(
    dataset: Dataset, entity: EntityName, feature: str, rows: np.ndarray
) -> tf.Tensor:
    """Reads one feature of some rows, as `FeatureValues.take`."""
    return _take(_read(dataset, entity, feature), rows)


def values_by_row(
    dataset: Dataset, entity: EntityName, feature: str, rows: Iterable[int]
) -> dict[int, Any]:
    """Reads one feature of a few rows, and holds no others; absent values are left out.

    Returns:
        By row what NumPy makes of the value, a list where a row may have several.
    """
    wanted, found, start = set(rows), {}, 0
    for batch in dataset.values(entity, feature, dataset.rows_per_chunk(entity)):
        num_rows = int(batch.shape[0])
        here = [row for row in range(start, start + num_rows) if row in wanted]
        for row in here:
            value = batch[row - start].numpy()
            value = value.tolist() if isinstance(value, np.ndarray) else value
            if value not in (b"", []) and value == value:  # NaN is an absent number
                found[row] = value
        start += num_rows
    return found


def parse_record(dataset: Dataset, entity: EntityName, record: bytes) -> dict[str, tf.Tensor]:
    """Reads the values of one record that was packed for this entity, a batch of one."""
    parsing = {name: modality.parsing() for name, modality in dataset.features(entity).items()}
    return {name: _dense(values) for name, values in tf.io.parse_example([record], parsing).items()}


def _read(dataset: Dataset, entity: EntityName, feature: str) -> tf.Tensor:
    batches = list(dataset.values(entity, feature, dataset.rows_per_chunk(entity)))
    # The empty record, behind all others, is what an unknown row points to.
    parsing = {feature: dataset.features(entity)[feature].parsing()}
    return tf.concat([*batches, tf.io.parse_example([b""], parsing)[feature]], axis=0)


def _take(column: tf.Tensor, rows: np.ndarray) -> tf.Tensor:
    return _dense(tf.gather(column, np.where(rows < 0, tf.shape(column)[0] - 1, rows)))


def _dense(values: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    return values.to_tensor(default_value="") if isinstance(values, tf.RaggedTensor) else values
