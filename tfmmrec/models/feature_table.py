"""Encoded features of one entity (items or users), to gather from."""

import contextlib
import contextvars
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.plain_names import plain_name
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.models.host_encodings import BatchEncodings, HostEncodings, outside_of_graphs


class FeatureTable(tf.Module):
    """The encoded features of one entity, from which batches are gathered by row.

    Args:
        encodings: of every row, by feature.
        trainable_features: features whose encoders are fine-tuned, so that their encodings
            change (default none).
        on_host: whether the encodings of the other features stay in their files, from which the
            rows of a batch are read (default: they are in the memory of the device).

    Attributes:
        encodings: by feature, those that are in the memory of the device.
        present: by feature, whether each row has it.
    """

    def __init__(
        self,
        encodings: Mapping[str, Encodings],
        *,
        trainable_features: Collection[str] = (),
        on_host: bool = False,
    ):
        super().__init__()
        self.encodings: dict[str, Any] = {}
        self.present: dict[str, Any] = {}
        in_files = [name for name in encodings if on_host and name not in trainable_features]
        for name in encodings:
            if name not in in_files:
                self.encodings[name] = _table(encodings, name, name in trainable_features)
            self.present[name] = _LazyConstant(encodings, name, "present")
        self._in_files = HostEncodings(encodings, in_files) if in_files else None
        self._batch: contextvars.ContextVar[BatchEncodings | None]
        self._batch = contextvars.ContextVar("batch", default=None)

    def gather(self, rows: tf.Tensor) -> dict[str, Feature]:
        """Returns the features of some rows.

        Args:
            rows: int32 `[batch]`.
        """
        tables = {name: _gather(table, rows) for name, table in self.encodings.items()}
        if self._in_files is not None:
            batch = self._batch.get()
            tables |= (
                self._in_files.read(rows)
                if batch is None
                else self._in_files.look_up(batch, tf.cast(rows, tf.int32))
            )
        return {
            name: Feature(_full(tables[name]), _gather(present, rows))
            for name, present in self.present.items()
        }

    @property
    def reads_files(self) -> bool:
        """Whether some encodings stay in their files."""
        return self._in_files is not None

    def read_ahead(self, rows: Sequence[tf.Tensor]) -> BatchEncodings | None:
        """Reads what `gather` reads from files, for the rows of a batch; None if there are none.

        Args:
            rows: int32, of any shapes; -1 is padding.
        """
        if self._in_files is None:
            return None
        return self._in_files.read_ahead(tf.concat([tf.reshape(each, [-1]) for each in rows], 0))

    @contextlib.contextmanager
    def use_batch(self, batch: BatchEncodings | None) -> Iterator[None]:
        """Within the context, `gather` takes rows from a batch if it has them."""
        token = self._batch.set(batch)
        try:
            yield
        finally:
            self._batch.reset(token)

    def gather_known(self, rows: np.ndarray) -> dict[str, Feature]:
        """Returns the features of some rows; those of row -1, an unknown one, are missing."""
        is_known = tf.constant(rows >= 0)
        return {
            name: feature._replace(present=feature.present & is_known)
            for name, feature in self.gather(tf.constant(np.maximum(rows, 0), tf.int32)).items()
        }


def encode_given(
    entities: EncodedEntities, values: Mapping[str, tf.Tensor], *, num_rows: int = 1
) -> dict[str, Feature]:
    """Encodes a request of which most features are absent; their encoders are not created.

    Args:
        entities: the encoders of items or users.
        values: raw values of the given features, as for `encode_features`.
        num_rows: the number of rows (default 1).
    """
    return {
        info.name: _encode(entities, info, values[info.name])
        if info.name in values
        else absent_feature(info, num_rows)
        for info in entities.features()
    }


def absent_feature(info: FeatureInfo, num_rows: int) -> Feature:
    """A feature that is missing in all of `num_rows` rows."""
    values = [info.num_values] if info.num_values else []
    dtype = tf.int32 if info.vocabulary_size else tf.float32
    encoding = tf.zeros([num_rows, *values, info.width], dtype)
    return Feature(encoding, tf.zeros([num_rows], tf.bool))


def encode_features(
    entities: EncodedEntities, values: Mapping[str, tf.Tensor]
) -> dict[str, Feature]:
    """Encodes the features of a request, as `FeatureTable.gather` returns them for the catalog.

    Args:
        entities: the encoders of items or users.
        values: raw values by feature, as specified by `Modality.signature`.
    """
    return {info.name: _encode(entities, info, values[info.name]) for info in entities.features()}


def _encode(entities: EncodedEntities, info: FeatureInfo, value: tf.Tensor) -> Feature:
    modality = entities.modalities[info.name]
    value = modality.from_request(value)
    encoding = entities.encoders[info.name].encode(value)
    if info.is_half:
        # As those of the catalog are, so that the same value has the same encoding.
        most = float(np.finfo(np.float16).max)
        half = tf.cast(tf.clip_by_value(encoding, -most, most), tf.float16)
        encoding = tf.cast(half, tf.float32)
    return Feature(encoding, modality.present(value))


def _table(encodings: Mapping[str, Encodings], name: str, trainable: bool) -> Any:
    if trainable:
        values = np.asarray(encodings[name].values, np.float32)
        return tf.Variable(values, trainable=False, name=f"encodings_{plain_name(name)}")
    if tf.distribute.has_strategy():
        return _DistributedConstant(np.asarray(encodings[name].values))
    return _LazyConstant(encodings, name, "values")


class _DistributedConstant:
    """A constant with a copy on each device, or sharded over parameter servers.

    A tensor would be sent to the devices in every step. It is not a tf.Module, so that the model
    does not track it as a variable.
    """

    def __init__(self, values: np.ndarray):
        self.variable = tf.Variable(values, trainable=False)


class _LazyConstant:
    """A constant that is read when rows are first gathered from it.

    Many uses of a trained model, such as recommending by stored item embeddings, gather none.
    """

    def __init__(self, encodings: Mapping[str, Encodings], name: str, part: str):
        self._encodings, self._name, self._part = encodings, name, part

    @functools.cached_property
    def tensor(self) -> tf.Tensor:
        return outside_of_graphs(
            lambda: tf.constant(np.asarray(getattr(self._encodings[self._name], self._part)))
        )


def _gather(table: Any, rows: tf.Tensor) -> tf.Tensor:
    if isinstance(table, _DistributedConstant):
        # Unlike tf.gather, this requests from each parameter server only its own rows.
        return tf.nn.embedding_lookup(table.variable, rows)
    return tf.gather(table.tensor if isinstance(table, _LazyConstant) else table, rows)


def _full(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32) if values.dtype == tf.float16 else values
