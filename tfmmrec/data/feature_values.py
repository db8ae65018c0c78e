"""The features of known items or users in the form that a request has."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset, EntityName


class RawValues:
    """Every feature of one side, read once and held, to be taken batch by batch.

    Args:
        dataset: a data folder.
        side: `items` or `users`.
    """

    def __init__(self, dataset: Dataset, side: EntityName):
        self._columns = {name: _read(dataset, side, name) for name in dataset.features(side)}

    def take(self, rows: np.ndarray) -> dict[str, tf.Tensor]:
        """Gives the values of some rows.

        Args:
            rows: int `[batch]`; -1 stands for somebody unknown, whose values are absent.

        Returns:
            Raw values by feature, as `Modality.signature` says.
        """
        return {name: _take(column, rows) for name, column in self._columns.items()}


def raw_values(dataset: Dataset, side: EntityName, rows: np.ndarray) -> dict[str, tf.Tensor]:
    """Reads the values of some rows once, as `RawValues.take`, and holds one column at a time."""
    return {name: _take(_read(dataset, side, name), rows) for name in dataset.features(side)}


def raw_column(dataset: Dataset, side: EntityName, feature: str, rows: np.ndarray) -> tf.Tensor:
    """Reads one feature of some rows, as `RawValues.take`."""
    return _take(_read(dataset, side, feature), rows)


def picked_values(
    dataset: Dataset, side: EntityName, feature: str, rows: Iterable[int]
) -> dict[int, Any]:
    """Reads one feature of a few rows, and holds no others; absent values are left out.

    Returns:
        By row what NumPy makes of the value, a list where a row may have several.
    """
    wanted, found, start = set(rows), {}, 0
    for batch in dataset.values(side, feature, dataset.rows_at_a_time(side)):
        num_rows = int(batch.shape[0])
        here = [row for row in range(start, start + num_rows) if row in wanted]
        for row in here:
            value = batch[row - start].numpy()
            value = value.tolist() if isinstance(value, np.ndarray) else value
            if value not in (b"", []) and value == value:  # NaN is an absent number
                found[row] = value
        start += num_rows
    return found


def values_of_record(dataset: Dataset, side: EntityName, record: bytes) -> dict[str, tf.Tensor]:
    """Reads the values of one record that was packed for this side, a batch of one."""
    parsing = {name: modality.parsing() for name, modality in dataset.features(side).items()}
    return {name: _dense(values) for name, values in tf.io.parse_example([record], parsing).items()}


def _read(dataset: Dataset, side: EntityName, feature: str) -> tf.Tensor:
    batches = list(dataset.values(side, feature, dataset.rows_at_a_time(side)))
    # The empty record, behind all others, is what an unknown row points to.
    parsing = {feature: dataset.features(side)[feature].parsing()}
    return tf.concat([*batches, tf.io.parse_example([b""], parsing)[feature]], axis=0)


def _take(column: tf.Tensor, rows: np.ndarray) -> tf.Tensor:
    return _dense(tf.gather(column, np.where(rows < 0, tf.shape(column)[0] - 1, rows)))


def _dense(values: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    return values.to_tensor(default_value="") if isinstance(values, tf.RaggedTensor) else values
