"""Raw feature values of items or users, in the form of a serving request."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.tfrecords import read_rows


class FeatureValues:
    """All feature values of items or users in memory, to be gathered by row.

    Args:
        dataset: a data folder.
        entity: `items` or `users`.
    """

    def __init__(self, dataset: Dataset, entity: EntityName):
        self._columns = {name: _read(dataset, entity, name) for name in dataset.features(entity)}

    def take(self, rows: np.ndarray) -> dict[str, tf.Tensor]:
        """Gathers the values of some rows.

        Args:
            rows: int `[batch]`; -1 is an unknown item or user, whose values are absent.

        Returns:
            Raw values by feature, with the types and shapes of `Modality.signature`.
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
    """Reads the values of one feature for some rows, as `FeatureValues.take` does."""
    return _take(_read(dataset, entity, feature), rows)


def values_by_row(
    dataset: Dataset, entity: EntityName, feature: str, rows: Iterable[int]
) -> dict[int, Any]:
    """Reads the values of one feature for a few rows, without holding the others in memory.

    Only the records of these rows are read, if the shards are not compressed.

    Returns:
        The value by row, as NumPy converts it; a list for a multi-valued feature. Rows without a
        value are left out.
    """
    requested, values = sorted(set(rows)), {}
    if not requested:
        return {}
    records = read_rows(dataset.folder / entity, requested)
    parsing = {feature: dataset.features(entity)[feature].parsing()}
    column = tf.io.parse_example([records[row] for row in requested], parsing)[feature]
    for row, one in zip(requested, column, strict=True):
        value = one.numpy()
        value = value.tolist() if isinstance(value, np.ndarray) else value
        if value not in (b"", []) and value == value:  # NaN is an absent number
            values[row] = value
    return values


def parse_record(dataset: Dataset, entity: EntityName, record: bytes) -> dict[str, tf.Tensor]:
    """Parses one packed record of an item or user, to a batch of one."""
    parsing = {name: modality.parsing() for name, modality in dataset.features(entity).items()}
    if not parsing:  # a catalog without user features
        return {}
    return {name: _dense(values) for name, values in tf.io.parse_example([record], parsing).items()}


def _read(dataset: Dataset, entity: EntityName, feature: str) -> tf.Tensor:
    batches = list(dataset.values(entity, feature, dataset.rows_per_chunk(entity)))
    # An empty record after all others, for unknown rows.
    parsing = {feature: dataset.features(entity)[feature].parsing()}
    return tf.concat([*batches, tf.io.parse_example([b""], parsing)[feature]], axis=0)


def _take(column: tf.Tensor, rows: np.ndarray) -> tf.Tensor:
    return _dense(tf.gather(column, np.where(rows < 0, tf.shape(column)[0] - 1, rows)))


def _dense(values: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    return values.to_tensor(default_value="") if isinstance(values, tf.RaggedTensor) else values
