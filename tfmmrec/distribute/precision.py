"""The number format in which the towers compute."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Layers that are made within this context compute in a format; weights are float32 always.

    Args:
        name: one of `tfmmrec.config.choices.PRECISIONS`.
    """
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)
