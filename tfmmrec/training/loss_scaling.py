"""What a loss is multiplied by, so that its gradients are not lost in half precision."""

import tensorflow as tf

from tfmmrec.distribute import replicas

_FIRST = 2.0**15
_PATIENCE = 2000


class LossScale(tf.Module):
    """A factor that halves when gradients overflow, and doubles after many steps in which none did.

    Micikevicius et al. 2018, "Mixed precision training" (arXiv:1710.03740).

    Attributes:
        factor: of the loss, whose gradients are to be divided by it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.factor = tf.Variable(_FIRST, trainable=False)
        self.calm = tf.Variable(0, trainable=False)

    def follow(self, finite: tf.Tensor) -> None:
        """Takes in whether the gradients of a step were finite, a bool, to all replicas alike."""
        calm = tf.where(finite, self.calm + 1, 0)
        grown = calm >= _PATIENCE
        halved = tf.maximum(1.0, self.factor / 2.0)
        factor = tf.where(finite, tf.where(grown, self.factor * 2.0, self.factor), halved)
        replicas.assign([self.factor, self.calm], [factor, tf.where(grown, 0, calm)])
