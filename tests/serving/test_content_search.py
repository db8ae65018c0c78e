"""The products of queries with encodings that are stored in float16."""

import numpy as np
import tensorflow as tf

from tfmmrec.serving import content_search


def test_blocks_of_float16_give_the_products_of_all(monkeypatch):
    monkeypatch.setattr(content_search, "_BLOCK_ITEMS", 4)
    items = np.arange(20).reshape(10, 2) / 16
    queries = np.array([[1.0, 0.0], [0.5, -2.0], [0.0, 0.25]])
    # All of these numbers have a float16.
    expected = queries @ items.T
    for dtype in (tf.float16, tf.float32):
        table = tf.Variable(items, dtype=dtype)
        cosine = tf.function(content_search._cosine, autograph=False)
        for count in (3, 1, 0):
            found = cosine(tf.constant(queries[:count], dtype), table)
            assert found.dtype == tf.float32
            np.testing.assert_array_equal(found, expected[:count])
