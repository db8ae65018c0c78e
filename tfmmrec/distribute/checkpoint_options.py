"""How checkpoints are written and read under each distribution strategy."""

import tensorflow as tf

from tfmmrec.distribute.strategies import is_asynchronous


def checkpoint_options(strategy: tf.distribute.Strategy) -> tf.train.CheckpointOptions:
    """How the weights of a strategy are written and read: by this process.

    Weights may be on other machines, each of which would write its own to a disk that nobody else
    sees.
    """
    if not (is_asynchronous(strategy) or isinstance(strategy, tf.distribute.TPUStrategy)):
        return tf.train.CheckpointOptions()
    with tf.device("CPU:0"):
        here = tf.zeros(()).device
    return tf.train.CheckpointOptions(experimental_io_device=here)
