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
            float32 `[batch, dim]`, and anything finite for "".

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
        encoded = tf.map_fn(
            self.inner.encode,
            places,
            parallel_iterations=1,
            # Eagerly, the shape of no elements has to be known.
            fn_output_signature=tf.TensorSpec([places.shape[1], self.dim], tf.float32),
        )
        mask = tf.cast(tf.strings.length(places) > 0, tf.float32)[:, :, tf.newaxis]
        total = tf.reduce_sum(encoded * mask, axis=0)
        return tf.math.divide_no_nan(total, tf.reduce_sum(mask, axis=0))

    def resources(self) -> Any:
        return self.inner.resources()

    def describe(self) -> dict[str, Any]:
        return {**self.inner.describe(), **super().describe()}
