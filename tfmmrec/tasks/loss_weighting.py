"""Weights of the losses of several tasks: fixed, or learned by uncertainty weighting."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfmmrec.distribute import replicas

# The negative log likelihood of a Gaussian is half the squared error.
_FACTORS = {"rating": 0.5}


class LossWeighting(tf.Module):
    """Weighted sum of losses.

    Learned weights minimize Σ exp(−s) c L + s / 2. The log variance s of each task is learned; c is
    ½ for squared errors and 1 for cross-entropies (Kendall, Gal and Cipolla 2018, "Multi-task
    learning using uncertainty to weigh losses", arXiv:1705.07115).

    Args:
        weights: weight of each loss by name, above 0; the initial weights where they are learned.
        learned: whether weights are learned (default False).

    Example:
        >>> weighting = LossWeighting({"retrieval": 1.0, "rating": 3.0})
        >>> float(weighting({"retrieval": tf.constant(4.0), "rating": tf.constant(0.5)}))
        5.5
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

    @property
    def names(self) -> list[str]:
        """The names of the losses."""
        return list(self._weights)

    def __call__(self, losses: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Computes the weighted sum, a scalar.

        Args:
            losses: scalars by name; with several replicas, this replica's parts of them.
        """
        if not self.log_variances:
            return tf.add_n([self._weights[name] * loss for name, loss in losses.items()])
        terms = []
        for name, loss in losses.items():
            log_variance = self.log_variances[name]
            precision = tf.exp(-log_variance) * _FACTORS.get(name, 1.0)
            # Divided, since replicas add up their parts of the loss.
            terms.append(precision * loss + log_variance / 2.0 / replicas.num_replicas())
        return tf.add_n(terms)
