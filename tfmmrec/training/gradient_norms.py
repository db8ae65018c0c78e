"""How large the gradients of parts of a model are, by the names of the parts."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.distribute import replicas


class GradientNorms(tf.Module):
    """The mean norm of the gradient of each part over the batches since it was last asked for.

    Args:
        parts: the weights of each, by its name.
        weights: all that have a gradient, in the order in which gradients come.
    """

    def __init__(self, parts: Mapping[str, Sequence[tf.Variable]], weights: Sequence[tf.Variable]):
        super().__init__()
        places = {weight.ref(): place for place, weight in enumerate(weights)}
        self._places = {
            name: [places[weight.ref()] for weight in part if weight.ref() in places]
            for name, part in parts.items()
        }
        self._sums = tf.Variable(tf.zeros([len(parts)]), trainable=False)
        self._num_batches = tf.Variable(0.0, trainable=False)

    def add(self, gradients: Sequence[Any], factor: tf.Tensor) -> None:
        """Takes in the gradients of a batch, `factor` times what they are; None is none.

        Of several replicas, each gives its part, and their norms are added up. A batch whose
        gradients half precision did not hold is passed over, as it moves no weight.
        """
        if not self._places:
            return
        norms = tf.stack([_norm([gradients[p] for p in part]) for part in self._places.values()])
        norms = replicas.total(norms) / factor
        held = tf.reduce_all(tf.math.is_finite(norms))
        sums = self._sums + tf.where(held, norms, 0.0)
        replicas.assign(
            [self._sums, self._num_batches], [sums, self._num_batches + tf.cast(held, tf.float32)]
        )

    def take(self) -> dict[str, float]:
        """Gives the means by name, and begins anew; nothing where there was no batch."""
        num_batches = float(self._num_batches.numpy())
        means = dict(zip(self._places, self._sums.numpy().tolist(), strict=True))
        self._sums.assign(tf.zeros_like(self._sums))
        self._num_batches.assign(0.0)
        return {name: mean / num_batches for name, mean in means.items()} if num_batches else {}


def _norm(gradients: Sequence[Any]) -> tf.Tensor:
    # Of slices the rows as they came, which costs no table.
    held = [g.values if isinstance(g, tf.IndexedSlices) else g for g in gradients if g is not None]
    squares = [tf.reduce_sum(tf.square(tf.cast(part, tf.float32))) for part in held]
    return tf.sqrt(tf.add_n([tf.zeros([]), *squares]))
