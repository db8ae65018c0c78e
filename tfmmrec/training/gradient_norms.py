"""Gradient norms by part of a model."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.distribute import replicas


class GradientNorms(tf.Module):
    """Averages the gradient norm of each part of a model over batches.

    Args:
        parts: the weights of each part, by name.
        weights: all trainable weights, in the order of the gradients.
    """

    def __init__(self, parts: Mapping[str, Sequence[tf.Variable]], weights: Sequence[tf.Variable]):
        super().__init__()
        indices = {weight.ref(): index for index, weight in enumerate(weights)}
        self._indices = {
            name: [indices[weight.ref()] for weight in part if weight.ref() in indices]
            for name, part in parts.items()
        }
        self._sums = tf.Variable(tf.zeros([len(parts)]), trainable=False)
        self._num_batches = tf.Variable(0.0, trainable=False)

    def add(self, gradients: Sequence[Any], factor: tf.Tensor) -> None:
        """Adds a batch; one whose gradients are not finite is ignored, as it updates no weight.

        Args:
            gradients: of each weight, or None, times `factor`; of this replica's part of the batch.
                The norms of the replicas are summed.
            factor: the loss scale.
        """
        if not self._indices:
            return
        parts = self._indices.values()
        norms = tf.stack([_norm([gradients[i] for i in part]) for part in parts])
        norms = replicas.all_reduce_sum(norms) / factor
        finite = tf.reduce_all(tf.math.is_finite(norms))
        sums = self._sums + tf.where(finite, norms, 0.0)
        num_batches = self._num_batches + tf.cast(finite, tf.float32)
        replicas.assign([self._sums, self._num_batches], [sums, num_batches])

    def pop_means(self) -> dict[str, float]:
        """Returns the means by name and resets them; empty without a batch."""
        num_batches = float(self._num_batches.numpy())
        means = dict(zip(self._indices, self._sums.numpy().tolist(), strict=True))
        self._sums.assign(tf.zeros_like(self._sums))
        self._num_batches.assign(0.0)
        return {name: mean / num_batches for name, mean in means.items()} if num_batches else {}


def _norm(gradients: Sequence[Any]) -> tf.Tensor:
    # The rows of sparse gradients are not summed, since that would take a dense table.
    values = [
        g.values if isinstance(g, tf.IndexedSlices) else g for g in gradients if g is not None
    ]
    squares = [tf.reduce_sum(tf.square(tf.cast(part, tf.float32))) for part in values]
    return tf.sqrt(tf.add_n([tf.zeros([]), *squares]))
