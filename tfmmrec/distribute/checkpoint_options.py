"""Where checkpoints are written and read under each distribution strategy."""

import tensorflow as tf

from tfmmrec.distribute.strategies import is_asynchronous


def checkpoint_options(strategy: tf.distribute.Strategy) -> tf.train.CheckpointOptions:
    """The options with which the checkpoints of a strategy are written and read.

    With a TPU or parameter servers, the variables are on other machines. Each would write its part
    to its own disk, so that this process does the I/O instead.
    """
    if not (is_asynchronous(strategy) or isinstance(strategy, tf.distribute.TPUStrategy)):
        return tf.train.CheckpointOptions()
    with tf.device("CPU:0"):
        device = tf.zeros(()).device
    return tf.train.CheckpointOptions(experimental_io_device=device)
