"""Encoded features of one entity (items or users), to gather from."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.layers.feature_projections import Feature


class FeatureTable(tf.Module):
    """The encoded features of one entity, from which batches are gathered by row.

    Args:
        encodings: of every row, by feature.
        trainable_features: features whose encoders are fine-tuned, so that their encodings
            change (default none).
    """

    def __init__(
        self, encodings: Mapping[str, Encodings], *, trainable_features: Collection[str] = ()
    ):
        super().__init__()
        self.outputs = {
            name: tf.Variable(np.asarray(e.values), trainable=False, name=f"outputs_{name}")
            if name in trainable_features
            else _constant(np.asarray(e.values))
            for name, e in encodings.items()
        }
        self.present = {name: tf.constant(e.present) for name, e in encodings.items()}

    def gather(self, rows: tf.Tensor) -> dict[str, Feature]:
        """Returns the features of some rows, `[batch]`."""
        return {
            name: (_rows_of(output, rows), tf.gather(self.present[name], rows))
            for name, output in self.outputs.items()
        }


class _Spread:
    """A constant with a copy on each device that trains, or in parts on parameter servers.

    A tensor would be sent to them in every step. What a model consists of it is no part of, which
    is why it is no tf.Module.
    """

    def __init__(self, values: np.ndarray):
        self.variable = tf.Variable(values, trainable=False)


def _constant(values: np.ndarray) -> Any:
    return _Spread(values) if tf.distribute.has_strategy() else tf.constant(values)


def _rows_of(output: Any, rows: tf.Tensor) -> tf.Tensor:
    if isinstance(output, _Spread):
        # Unlike tf.gather, this one asks each server for its own rows alone.
        return tf.nn.embedding_lookup(output.variable, rows)
    return tf.gather(output, rows)
