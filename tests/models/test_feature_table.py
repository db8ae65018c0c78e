"""Encodings that are first read within a graph."""

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.lazy_mapping import LazyMapping
from tfmmrec.models.feature_table import FeatureTable


def test_an_encoder_may_be_saved_when_its_encodings_are_first_read_in_a_graph(tmp_path):
    def encode(name: str) -> Encodings:
        module = tf.Module()
        module.call = tf.function(lambda x: x + 1, input_signature=[tf.TensorSpec([], tf.float32)])
        tf.saved_model.save(module, str(tmp_path / name))
        return Encodings(np.array([[1.0], [2.0]], np.float32), np.array([True, False]))

    table = FeatureTable(LazyMapping(["title"], encode))
    gather = tf.function(lambda rows: table.gather(rows)["title"])
    found = gather(tf.constant([1, 0]))
    assert found.encoding.numpy().tolist() == [[2.0], [1.0]]
    assert found.present.numpy().tolist() == [False, True]
    # The tensor belongs to no graph, so that others can read it.
    assert table.gather(tf.constant([0]))["title"].encoding.numpy().tolist() == [[1.0]]
