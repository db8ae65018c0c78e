"""Reads the interaction records of a data folder: one `tf.train.Example` per user."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.interactions.events import Interactions, concatenate
from tfmmrec.data.tfrecords import read_batches

EVENT_FEATURES = {
    "user": tf.io.FixedLenFeature([], tf.int64),
    "item": tf.io.RaggedFeature(tf.int64),
    "time": tf.io.RaggedFeature(tf.int64),
    "rating": tf.io.RaggedFeature(tf.float32),
    "positive": tf.io.RaggedFeature(tf.int64),
    "order": tf.io.RaggedFeature(tf.int64),
}
_EVENT_DTYPES: dict[str, Any] = {
    "user": np.int32,
    "item": np.int32,
    "time": np.int64,
    "rating": np.float32,
    "positive": np.bool_,
    "order": np.int32,
}
_BATCH_USERS = 1024


def read_events(folder: Path) -> Interactions:
    """Reads a folder of packed histories as events, in the order in which they were written."""
    batches = [_flatten(batch) for batch in read_batches(folder, EVENT_FEATURES, _BATCH_USERS)]
    return concatenate([_no_events(), *batches])


def _flatten(batch: Mapping[str, Any]) -> Interactions:
    """Converts a batch of histories to events."""
    lengths = batch["item"].row_lengths().numpy()
    columns = {name: batch[name].flat_values.numpy() for name in _EVENT_DTYPES if name != "user"}
    columns["user"] = np.repeat(batch["user"].numpy(), lengths)
    return Interactions(
        **{name: columns[name].astype(dtype) for name, dtype in _EVENT_DTYPES.items()},
        part=np.zeros(len(columns["user"]), np.int8),
    )


def _no_events() -> Interactions:
    columns = {name: np.zeros(0, dtype) for name, dtype in _EVENT_DTYPES.items()}
    return Interactions(**columns, part=np.zeros(0, np.int8))
