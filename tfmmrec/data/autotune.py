"""Pipelines of tf.data without autotuning."""

import tensorflow as tf

# Batches that are made at the same time, and that are ready before they are read.
PARALLEL_CALLS = 4
READY_BATCHES = 4


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns a dataset whose pipeline, with all that follows, is not autotuned.

    The thread that tunes a pipeline sleeps for up to as long as the pipeline has run, and at the
    end of a pipeline its waking call may be lost (TensorFlow 2.17): then `fit` returns only after
    it has slept.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
