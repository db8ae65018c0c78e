"""Several values as one: the outputs of the encoder of one, averaged or one by one."""

import hashlib
import json
from collections.abc import Callable
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
        num_values: by default the mean is taken; a number n leaves that to a layer of the tower,
            which may learn it, and gives the outputs of the first n values.

    Input: ragged string `[batch, n]`. Output: float32 `[batch, dim]`; zeros for an empty list. With
    `num_values`, float32 `[batch, num_values, dim]`; zeros where a list has no such value.
    """

    def __init__(self, inner: FeatureEncoder, num_values: int | None = None):
        super().__init__()
        self.inner = inner
        self.num_values = num_values
        what = ["mean of frames"] if num_values is None else ["frames", num_values]
        content = json.dumps([*what, inner.fingerprint])
        self.fingerprint = hashlib.sha256(content.encode()).hexdigest()
        self.dim = int(inner.encode(tf.constant([""])).shape[-1])

    def encode(self, values: tf.RaggedTensor) -> tf.Tensor:
        if self.num_values is not None:
            return self._encode_each(values[:, : self.num_values], self.num_values)
        counts = tf.cast(values.row_lengths(), tf.float32)[:, tf.newaxis]
        start = tf.zeros([values.nrows(), self.dim])
        total = self._over_places(values, start, lambda total, place, found: total + found)
        return tf.ensure_shape(tf.math.divide_no_nan(total, counts), [None, self.dim])

    def _encode_each(self, values: tf.RaggedTensor, num_values: int) -> tf.Tensor:
        start = tf.zeros([num_values, values.nrows(), self.dim])

        def put(outputs: tf.Tensor, place: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
            return tf.tensor_scatter_nd_update(outputs, [[place]], [found])

        outputs = self._over_places(values, start, put)
        shape = [None, num_values, self.dim]
        return tf.ensure_shape(tf.transpose(outputs, [1, 0, 2]), shape)

    def _over_places(
        self, values: tf.RaggedTensor, start: tf.Tensor, join: Callable[..., tf.Tensor]
    ) -> tf.Tensor:
        """Joins to `start` what is encoded at each place, zeros for the lists that end before."""
        places = tf.transpose(values.to_tensor(default_value=""))  # [n, batch]
        counts = values.row_lengths()[:, tf.newaxis]

        def step(place: tf.Tensor, joined: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            here = tf.cast(place, counts.dtype) < counts
            found = tf.where(here, self.inner.encode(places[place]), 0.0)
            return place + 1, join(joined, place, found)

        # A loop with a sum, for tf.map_fn does not stack what no places gave.
        _, joined = tf.while_loop(
            lambda place, joined: place < tf.shape(places)[0],
            step,
            (tf.constant(0), start),
            parallel_iterations=1,
        )
        return joined

    def resources(self) -> Any:
        return self.inner.resources()

    def describe(self) -> dict[str, Any]:
        each = {} if self.num_values is None else {"num_values": self.num_values}
        return {**self.inner.describe(), **super().describe(), **each}

    def summary(self) -> str:
        pooled = "mean of" if self.num_values is None else f"each of {self.num_values}"
        return f"{self.inner.summary()}, {pooled} the values"
