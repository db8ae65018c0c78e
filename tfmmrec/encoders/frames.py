"""Several pictures as one: an image encoder's outputs, averaged."""

import hashlib
import json
from typing import Any

import tensorflow as tf

from tfmmrec.encoders.base import FeatureEncoder


class FramesEncoder(FeatureEncoder):
    """Encodes each value of a list by itself, and takes the mean of those that are there.

    The lists of a batch are gone through together, the first values, then the second ones, so that
    no more is held at a time than for single values.

    Args:
        inner: the encoder of a single value, such as that of pictures; it gives
            float32 `[batch, dim]`, and anything for "".

    Input: ragged string `[batch, n]`. Output: float32 `[batch, dim]`; zeros for an empty list.
    """

    def __init__(self, inner: FeatureEncoder):
        super().__init__()
        self.inner = inner
        content = json.dumps(["mean of frames", inner.fingerprint])
        self.fingerprint = hashlib.sha256(content.encode()).hexdigest()
        self.dim = int(inner.encode(tf.constant([""])).shape[-1])

    def encode(self, values: tf.RaggedTensor) -> tf.Tensor:
        places = tf.transpose(values.to_tensor(default_value=""))  # [n, batch]
        counts = tf.cast(values.row_lengths(), tf.float32)[:, tf.newaxis]

        def add(place: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            here = tf.cast(place, tf.float32) < counts
            return place + 1, total + tf.where(here, self.inner.encode(places[place]), 0.0)

        # A loop with a sum, for tf.map_fn does not stack what no places gave.
        _, total = tf.while_loop(
            lambda place, total: place < tf.shape(places)[0],
            add,
            (tf.constant(0), tf.zeros([tf.shape(places)[1], self.dim])),
            parallel_iterations=1,
        )
        return tf.ensure_shape(tf.math.divide_no_nan(total, counts), [None, self.dim])

    def resources(self) -> Any:
        return self.inner.resources()

    def describe(self) -> dict[str, Any]:
        return {**self.inner.describe(), **super().describe()}

    def summary(self) -> str:
        return f"{self.inner.summary()}, mean of the pictures"
