"""Reads the interaction records of a data folder: one `tf.train.Example` per user."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.interactions.events import Interactions, concatenate
from tfmmrec.data.interactions.kinds import EventKinds
from tfmmrec.data.tfrecords import read_batches

_EVENT_FEATURES = {
    "user": tf.io.FixedLenFeature([], tf.int64),
    "item": tf.io.RaggedFeature(tf.int64),
    "time": tf.io.RaggedFeature(tf.int64),
    "rating": tf.io.RaggedFeature(tf.float32),
    "positive": tf.io.RaggedFeature(tf.int64),
    "order": tf.io.RaggedFeature(tf.int64),
}
# Only the records of a log with kinds have these.
_KIND_FEATURES = {
    "kind": tf.io.RaggedFeature(tf.int64),
    "weight": tf.io.RaggedFeature(tf.float32),
}
_EVENT_DTYPES: dict[str, Any] = {
    "user": np.int32,
    "item": np.int32,
    "time": np.int64,
    "rating": np.float32,
    "positive": np.bool_,
    "order": np.int32,
    "kind": np.int16,
    "weight": np.float32,
}
_BATCH_USERS = 1024


def event_features(kinds: EventKinds) -> dict[str, Any]:
    """Returns how the features of a record are parsed, by name."""
    return {**_EVENT_FEATURES, **_KIND_FEATURES} if kinds else dict(_EVENT_FEATURES)


def read_events(folder: Path, kinds: EventKinds = EventKinds()) -> Interactions:
    """Reads a folder of packed histories as events, in the order in which they were written.

    Args:
        folder: of one split.
        kinds: the kinds of the log (default: it has none).
    """
    features = event_features(kinds)
    batches = [_flatten(batch) for batch in read_batches(folder, features, _BATCH_USERS)]
    return concatenate([_no_events(), *batches])


def _flatten(batch: Mapping[str, Any]) -> Interactions:
    """Converts a batch of histories to events."""
    lengths = batch["item"].row_lengths().numpy()
    columns = {name: batch[name].flat_values.numpy() for name in batch if name != "user"}
    columns["user"] = np.repeat(batch["user"].numpy(), lengths)
    return Interactions(
        **{name: column.astype(_EVENT_DTYPES[name]) for name, column in columns.items()},
        part=np.zeros(len(columns["user"]), np.int8),
    )


def _no_events() -> Interactions:
    columns = {name: np.zeros(0, dtype) for name, dtype in _EVENT_DTYPES.items()}
    return Interactions(**columns, part=np.zeros(0, np.int8))
