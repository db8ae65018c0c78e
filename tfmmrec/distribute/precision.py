"""The precision in which the towers compute."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Sets the Keras mixed-precision policy of layers that are created within the context.

    Args:
        name: one of `tfmmrec.config.choices.PRECISIONS`; variables are float32 with each of them.
    """
    previous = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(previous)
