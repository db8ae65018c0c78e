"""Dynamic loss scaling, so that gradients do not underflow in half precision."""

import tensorflow as tf

from tfmmrec.distribute import replicas

_INITIAL = 2.0**15
_GROWTH_STEPS = 2000


class DynamicLossScale(tf.Module):
    """A factor that is halved after an overflow, and doubled after 2000 steps without one.

    Micikevicius et al. 2018, "Mixed precision training" (arXiv:1710.03740). The rule is that of
    Keras' LossScaleOptimizer; ours serves several optimizers and accumulated gradients.

    Attributes:
        factor: of the loss; its gradients are divided by the factor.
        good_steps: number of steps since the last change.
    """

    def __init__(self) -> None:
        super().__init__()
        self.factor = tf.Variable(_INITIAL, trainable=False)
        self.good_steps = tf.Variable(0, trainable=False)

    def update(self, finite: tf.Tensor) -> None:
        """Adjusts the factor after a step.

        Args:
            finite: whether the gradients were finite, a bool, the same on all replicas.
        """
        good_steps = tf.where(finite, self.good_steps + 1, 0)
        grows = good_steps >= _GROWTH_STEPS
        halved = tf.maximum(1.0, self.factor / 2.0)
        factor = tf.where(finite, tf.where(grows, self.factor * 2.0, self.factor), halved)
        new = [factor, tf.where(grows, 0, good_steps)]
        replicas.assign([self.factor, self.good_steps], new)
