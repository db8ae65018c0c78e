"""Encoded features of one entity (items or users), to gather from."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.plain_names import plain_name
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.encoded_features import EncodedEntities
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
        self.encodings = {
            name: tf.Variable(
                np.asarray(e.values), trainable=False, name=f"encodings_{plain_name(name)}"
            )
            if name in trainable_features
            else _constant(np.asarray(e.values))
            for name, e in encodings.items()
        }
        self.present = {name: tf.constant(e.present) for name, e in encodings.items()}

    def gather(self, rows: tf.Tensor) -> dict[str, Feature]:
        """Returns the features of some rows.

        Args:
            rows: int32 `[batch]`.
        """
        return {
            name: Feature(_gather(table, rows), tf.gather(self.present[name], rows))
            for name, table in self.encodings.items()
        }


def encode_features(
    entities: EncodedEntities, values: Mapping[str, tf.Tensor]
) -> dict[str, Feature]:
    """Encodes the features of a request, as `FeatureTable.gather` returns them for the catalog.

    Args:
        entities: the encoders of items or users.
        values: raw values by feature, as specified by `Modality.signature`.
    """
    features = {}
    for name, modality in entities.modalities.items():
        value = modality.from_request(values[name])
        features[name] = Feature(entities.encoders[name].encode(value), modality.present(value))
    return features


class _DistributedConstant:
    """A constant with a copy on each device, or sharded over parameter servers.

    A tensor would be sent to the devices in every step. It is not a tf.Module, so that the model
    does not track it as a variable.
    """

    def __init__(self, values: np.ndarray):
        self.variable = tf.Variable(values, trainable=False)


def _constant(values: np.ndarray) -> Any:
    return _DistributedConstant(values) if tf.distribute.has_strategy() else tf.constant(values)


def _gather(table: Any, rows: tf.Tensor) -> tf.Tensor:
    if isinstance(table, _DistributedConstant):
        # Unlike tf.gather, this requests from each parameter server only its own rows.
        return tf.nn.embedding_lookup(table.variable, rows)
    return tf.gather(table, rows)
