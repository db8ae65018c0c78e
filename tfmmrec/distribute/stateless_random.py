"""Random numbers of a training step as a function of seed, step, replica and order of draws.

The state of TensorFlow's generators is part of no checkpoint. With these functions, a resumed
training draws the same numbers as an uninterrupted one, with XLA and without, and each replica
draws different ones.
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


# The masks that a call of `Dropout` draws.
_MASKS = 256

_DRAWS: ContextVar[_Draws | None] = ContextVar("draws", default=None)


def step_key(seed: int, step: tf.Tensor) -> tf.Tensor:
    """The key of all random numbers of a step on this replica, int64 `[2]`."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    of_replica = tf.cast(step, tf.int64) + 2**40 * tf.cast(replica, tf.int64)
    return tf.stack([tf.constant(seed % 2**32, tf.int64), of_replica])


@contextlib.contextmanager
def use_key(key: tf.Tensor) -> Iterator[None]:
    """Within the context, random numbers are functions of a key and of the number of the draw.

    Draws are numbered in the order of tracing. The body of a loop is traced once and would draw the
    same numbers in each iteration; draw outside of it.

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
        # A layer that is called outside of a training step uses TensorFlow's global seed.
        return tf.random.uniform([2], maxval=tf.int64.max, dtype=tf.int64)
    draws.number += 1
    return draws.key + tf.constant([draws.number * 2**32, 0], tf.int64)


def _bits(shape: Any) -> tf.Tensor:
    """Uniform int32 over all 2³² values; float draws of XLA and of TensorFlow differ."""
    full_range = {"minval": None, "maxval": None, "dtype": tf.int32, "alg": "philox"}
    return tf.random.stateless_uniform(shape, _seed(), **full_range)


def keep_mask(shape: Any, rate: float) -> tf.Tensor:
    """Draws bools that are False with probability `rate`, from 0 to below 1."""
    return _bits(shape) >= int(rate * 2**32) - 2**31


def uniform(shape: Any) -> tf.Tensor:
    """Draws float32 from 0 to below 1."""
    # A float32 holds 24 bits.
    return tf.cast(_bits(shape) // 256 + 2**23, tf.float32) * 2.0**-24


def integers(shape: Any, below: int | tf.Tensor) -> tf.Tensor:
    """Draws int32 from 0 to below a limit."""
    return tf.random.stateless_uniform(shape, _seed(), maxval=below, dtype=tf.int32, alg="philox")


@tf.keras.utils.register_keras_serializable("tfmmrec")
class Dropout(tf.keras.layers.Layer):
    """Dropout with the random numbers of this module.

    In training, each value is set to 0 with probability `rate`, and the others are divided by
    1 − `rate` (Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
    overfitting"). Ours instead of `tf.keras.layers.Dropout`, which does not resume exactly and
    takes ten times as long: here the rows of the input share 256 masks in turn, which each step
    draws with 8 bits per value.

    Args:
        rate: from 0 to below 1, rounded to 1 / 256.
    """

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        width = inputs.shape[-1]
        rows = tf.reshape(inputs, [-1, width])
        # 8 bits of a draw per value.
        draws = tf.reshape(tf.bitcast(_bits([_MASKS // 4, width]), tf.int8), [_MASKS, width])
        num_dropped = min(max(round(256 * self.rate), 1), 255)
        scale = tf.constant(256 / (256 - num_dropped), inputs.dtype)
        masks = tf.where(draws >= num_dropped - 128, scale, tf.zeros([], inputs.dtype))
        return tf.reshape(
            rows * tf.gather(masks, tf.range(tf.shape(rows)[0]) % _MASKS), tf.shape(inputs)
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}
