"""The weights of several losses: given, or learned from how uncertain each task is."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfmmrec.distribute import replicas

# −log p of a Gaussian is half a square error.
_SHARES = {"rating": 0.5}


class LossWeighting(tf.Module):
    """The weighted sum of losses.

    Learned, it is Σ exp(−s) c L + s / 2 with s, the log of the variance of a task, learned; c is ½
    for square errors and 1 for cross-entropies (Kendall, Gal and Cipolla 2018, "Multi-task learning
    using uncertainty to weigh losses", arXiv 1705.07115).

    Args:
        weights: of the losses by name, above 0; where they start, if they are learned.
        learned: whether they are.
    """

    def __init__(self, weights: Mapping[str, float], *, learned: bool = False):
        super().__init__()
        self._weights = dict(weights)
        self.log_variances: dict[str, tf.Variable] = {}
        if learned:
            self.log_variances = {
                name: tf.Variable(-np.log(weight), dtype=tf.float32, name=f"log_variance_{name}")
                for name, weight in weights.items()
            }

    def __call__(self, losses: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Sums losses, scalars by name."""
        if not self.log_variances:
            return tf.add_n([self._weights[name] * loss for name, loss in losses.items()])
        terms = []
        for name, loss in losses.items():
            variance = self.log_variances[name]
            certain = tf.exp(-variance) * _SHARES.get(name, 1.0)
            # Losses are parts of those of the whole batch.
            terms.append(certain * loss + variance / 2.0 / replicas.count())
        return tf.add_n(terms)
