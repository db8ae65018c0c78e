"""Ops that are not core ops are found, whatever this process has loaded."""

import tensorflow as tf

from tfmmrec.serving.core_ops import foreign_ops


def save(function, folder):
    module = tf.Module()
    module.run = tf.function(function, input_signature=[tf.TensorSpec([None], tf.float32)])
    tf.saved_model.save(module, str(folder))
    return foreign_ops(folder)


def test_core_ops_are_not_listed(tmp_path):
    def inner(values):
        return tf.map_fn(lambda value: tf.strings.to_number(tf.strings.as_string(value)), values)

    assert save(tf.function(inner), tmp_path) == []


def test_ops_of_a_loaded_library_are_listed(tmp_path):
    import tensorflow_io as tfio

    def resample(values):
        sound = tfio.audio.resample(values[:, tf.newaxis], 16000, 8000)
        return tf.cond(tf.size(values) > 0, lambda: sound, lambda: sound)

    assert save(resample, tmp_path) == ["IO>AudioResample"]


def test_python_callbacks_are_listed(tmp_path):
    def half(values):
        return tf.numpy_function(lambda given: given / 2, [values], tf.float32)

    assert save(half, tmp_path) == ["PyFunc"]
