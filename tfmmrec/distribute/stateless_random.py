"""What a training step draws, as a function of the seed, the step and who asks.

TensorFlow's own generators keep a state that no checkpoint holds. Here a run that goes on after a
stop draws what it would have drawn, with XLA as without it, and each replica something else.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import tensorflow as tf


@dataclasses.dataclass
class _Draws:
    key: tf.Tensor
    number: int = 0


_DRAWS: ContextVar[_Draws | None] = ContextVar("draws", default=None)


def step_key(seed: int, step: tf.Tensor) -> tf.Tensor:
    """The key of all that one step draws on the replica that asks, int64 `[2]`."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    of_replica = tf.cast(step, tf.int64) + 2**40 * tf.cast(replica, tf.int64)
    return tf.stack([tf.constant(seed % 2**32, tf.int64), of_replica])


@contextlib.contextmanager
def drawing(key: tf.Tensor) -> Iterator[None]:
    """Whoever draws within this context draws by a key, and each something else.

    Draws are numbered in the order in which they are traced, so that the body of a loop would draw
    the same each time: draw outside of it.

    Args:
        key: from `step_key`.
    """
    token = _DRAWS.set(_Draws(key))
    try:
        yield
    finally:
        _DRAWS.reset(token)


def _seed() -> tf.Tensor:
    draws = _DRAWS.get()
    if draws is None:
        # Who calls a layer by itself has TensorFlow's global seed.
        return tf.random.uniform([2], maxval=tf.int64.max, dtype=tf.int64)
    draws.number += 1
    return draws.key + tf.constant([draws.number * 2**32, 0], tf.int64)


def _bits(shape: Any) -> tf.Tensor:
    """int32, each of 2³² numbers as likely; XLA makes other floats of them than TensorFlow."""
    whole = {"minval": None, "maxval": None, "dtype": tf.int32, "alg": "philox"}
    return tf.random.stateless_uniform(shape, _seed(), **whole)


def kept(shape: Any, rate: float) -> tf.Tensor:
    """Draws a bool for each place, False with the chance `rate`, from 0 to below 1."""
    return _bits(shape) >= int(rate * 2**32) - 2**31


def uniform(shape: Any) -> tf.Tensor:
    """Draws float32 from 0 to below 1."""
    # A float holds 24 bits.
    return tf.cast(_bits(shape) // 256 + 2**23, tf.float32) * 2.0**-24


def integers(shape: Any, below: int | tf.Tensor) -> tf.Tensor:
    """Draws int32 from 0 to below a number."""
    return tf.random.stateless_uniform(shape, _seed(), maxval=below, dtype=tf.int32, alg="philox")


@tf.keras.utils.register_keras_serializable("tfmmrec")
class Dropout(tf.keras.layers.Layer):
    """Sets a share of its input to zero in training, and scales the rest up by as much.

    Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".

    Args:
        rate: the share, from 0 to below 1.
    """

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        here = kept(tf.shape(inputs), self.rate)
        return tf.where(here, inputs * (1.0 / (1.0 - self.rate)), tf.zeros([], inputs.dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}
