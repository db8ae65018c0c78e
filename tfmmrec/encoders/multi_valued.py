"""The encoder of multi-valued features: the encodings of single values, averaged or listed."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfmmrec.data.storage import fingerprint
from tfmmrec.encoders.base import FeatureEncoder


class MultiValuedEncoder(FeatureEncoder):
    """Encodes each value of a list separately, and averages the encodings or returns them all.

    The lists of a batch are processed in parallel, first all first values, then all second ones,
    so that memory use is that of single values.

    Args:
        inner: the encoder of a single value, such as that of images. It gives float32
            `[batch, dim]`; its output for "" is ignored.
        num_values: None averages the encodings; a number n returns those of the first n values,
            which the tower pools by learned attention (default None).

    Input: ragged string `[batch, n]`. Output: float32 `[batch, dim]`, zeros for an empty list. With
    `num_values`: float32 `[batch, num_values, dim]`, zeros after the end of a list.
    """

    def __init__(self, inner: FeatureEncoder, num_values: int | None = None):
        super().__init__()
        self.inner = inner
        self.num_values = num_values
        self.fingerprint = fingerprint(["multi-valued", num_values, inner.fingerprint])
        self.dim = int(inner.encode(tf.constant([""])).shape[-1])

    def encode(self, values: tf.RaggedTensor) -> tf.Tensor:
        if self.num_values is not None:
            return self._encode_each(values[:, : self.num_values], self.num_values)
        counts = tf.cast(values.row_lengths(), tf.float32)[:, tf.newaxis]
        zeros = tf.zeros([values.nrows(), self.dim])
        total = self._fold_positions(values, zeros, lambda total, _, encodings: total + encodings)
        return tf.ensure_shape(tf.math.divide_no_nan(total, counts), [None, self.dim])

    def _encode_each(self, values: tf.RaggedTensor, num_values: int) -> tf.Tensor:
        zeros = tf.zeros([num_values, values.nrows(), self.dim])

        def put(stacked: tf.Tensor, position: tf.Tensor, encodings: tf.Tensor) -> tf.Tensor:
            return tf.tensor_scatter_nd_update(stacked, [[position]], [encodings])

        stacked = self._fold_positions(values, zeros, put)  # [num_values, batch, dim]
        shape = [None, num_values, self.dim]
        return tf.ensure_shape(tf.transpose(stacked, [1, 0, 2]), shape)

    def _fold_positions(
        self, values: tf.RaggedTensor, initial: tf.Tensor, combine: Callable[..., tf.Tensor]
    ) -> tf.Tensor:
        """Folds the encodings `[batch, dim]` of each position; zeros after the end of a list."""
        by_position = tf.transpose(values.to_tensor(default_value=""))  # [n, batch]
        counts = values.row_lengths()[:, tf.newaxis]

        def step(position: tf.Tensor, folded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            is_present = tf.cast(position, counts.dtype) < counts
            encodings = tf.where(is_present, self.inner.encode(by_position[position]), 0.0)
            return position + 1, combine(folded, position, encodings)

        # Not tf.map_fn, which cannot stack the results of zero positions.
        _, folded = tf.while_loop(
            lambda position, _: position < tf.shape(by_position)[0],
            step,
            (tf.constant(0), initial),
            parallel_iterations=1,
        )
        return folded

    def resources(self) -> Any:
        return self.inner.resources()

    def describe(self) -> dict[str, Any]:
        each = {} if self.num_values is None else {"num_values": self.num_values}
        return {**self.inner.describe(), **super().describe(), **each}

    def fitted(self) -> dict[str, Any]:
        return self.inner.fitted()

    def summary(self) -> str:
        pooled = "mean of" if self.num_values is None else f"each of {self.num_values}"
        return f"{self.inner.summary()}, {pooled} the values"
