"""Encodings that stay in their files, of which the rows of a batch are read."""

import concurrent.futures
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from tfmmrec.data.array_file import RowReader
from tfmmrec.encoders.cache.encoding_table import Encodings

T = TypeVar("T")


class BatchEncodings(NamedTuple):
    """The encodings of the rows of a batch, which the input pipeline reads ahead of the step.

    Attributes:
        rows: int32 `[rows]`, distinct and ascending, at least one.
        encodings: of these rows, by feature, of the type in which they are stored.
    """

    rows: tf.Tensor
    encodings: Mapping[str, tf.Tensor]


class HostEncodings:
    """The encodings of some features, in the files of the cache.

    Args:
        encodings: of every row, by feature; opened when rows are first read.
        names: of the features.
    """

    def __init__(self, encodings: Mapping[str, Encodings], names: Sequence[str]):
        self._encodings = encodings
        self.names = list(names)

    @functools.cached_property
    def _tables(self) -> list[RowReader]:
        return outside_of_graphs(
            lambda: [RowReader(self._encodings[name].values) for name in self.names]
        )

    def read(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Reads the encodings of some rows, by feature.

        Args:
            rows: integers `[rows]`.
        """
        tables, rows = self._tables, tf.convert_to_tensor(rows)
        found = tf.numpy_function(
            lambda given: [table.take(given) for table in tables],
            [rows],
            [table.dtype for table in tables],
            stateful=False,
        )
        # Outside of a graph, a single result comes without its list.
        return self._with_shapes(tf.nest.flatten(found), rows.shape)

    def read_ahead(self, rows: tf.Tensor) -> BatchEncodings:
        """Reads the encodings of the rows of a batch; runs in the input pipeline.

        Args:
            rows: int32 `[n]`, which may repeat; -1 is padding.
        """
        tables = self._tables

        def read(given: np.ndarray) -> list[np.ndarray]:
            # Padding is looked up as row 0.
            distinct = np.unique(np.append(np.maximum(given, 0), np.int32(0)))
            return [distinct, *(table.take(distinct) for table in tables)]

        types = [tf.int32, *(table.dtype for table in tables)]
        distinct, *found = tf.numpy_function(read, [rows], types, stateful=False)
        return BatchEncodings(tf.ensure_shape(distinct, [None]), self._with_shapes(found))

    def look_up(self, batch: BatchEncodings, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Takes the encodings of rows from a batch, and reads those that it lacks.

        Args:
            batch: from `read_ahead`.
            rows: int32 `[rows]`.
        """
        last = tf.size(batch.rows) - 1
        position = tf.minimum(tf.searchsorted(batch.rows, rows), last)
        is_found = tf.gather(batch.rows, position) == rows

        def all_found() -> list[tf.Tensor]:
            return [tf.gather(batch.encodings[name], position) for name in self.names]

        def some_missing() -> list[tf.Tensor]:
            others = self.read(tf.boolean_mask(rows, ~is_found))
            behind = last + tf.cumsum(tf.cast(~is_found, tf.int32))
            where = tf.where(is_found, position, behind)
            return [
                tf.gather(tf.concat([batch.encodings[name], others[name]], 0), where)
                for name in self.names
            ]

        return self._with_shapes(tf.cond(tf.reduce_all(is_found), all_found, some_missing))

    def _with_shapes(
        self, found: Sequence[tf.Tensor], rows: Sequence[int | None] = (None,)
    ) -> dict[str, tf.Tensor]:
        return {
            name: tf.ensure_shape(values, [*rows, *table.shape[1:]])
            for name, values, table in zip(self.names, found, self._tables, strict=True)
        }


def outside_of_graphs(read: Callable[[], T]) -> T:
    """Returns the result of a function, which is called outside of the graph that is being built.

    Encodings that the cache lacks are computed by an encoder, which cannot be built and saved
    within a graph, not even in tf.init_scope. Another thread is outside of it.
    """
    if not tf.inside_function():
        return read()
    with concurrent.futures.ThreadPoolExecutor(1) as outside:
        return outside.submit(read).result()
