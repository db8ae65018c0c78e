"""The transformer block against worked examples."""

import numpy as np
import tensorflow as tf

from tfmmrec.layers.transformer_block import AttentionBlock
from tfmmrec.testing import TestCase

# Normalised, these are (1, -1) and (-1, 1).
TOKENS = tf.constant([[[2.0, 0.0], [1.0, 3.0]]])


def block() -> AttentionBlock:
    """Queries are the tokens, keys too, times log 3 / √2; values are twice the tokens."""
    layer = AttentionBlock(1, 1)
    layer(TOKENS, mask=tf.constant([[True, True]]))
    eye = np.eye(2)
    heads = np.stack([eye, eye * np.log(3.0) / 2.0**0.5, 2.0 * eye], axis=1)[:, :, np.newaxis]
    layer.heads_layer.set_weights([heads, np.zeros([3, 1, 2])])
    layer.attention_output.set_weights([eye[np.newaxis], np.zeros([2])])
    layer.hidden.set_weights([np.zeros([2, 1]), np.zeros([1])])
    layer.hidden_output.set_weights([np.zeros([1, 2]), np.array([0.0, 10.0])])
    return layer


class AttentionBlockTest(TestCase):
    def test_layer(self):
        tokens = tf.constant(np.random.default_rng(0).normal(size=[2, 3, 5]), tf.float32)
        mask = tf.constant([[True, False, True], [True, True, True]])
        inputs = {"tokens": tokens, "mask": mask}
        self.run_layer_test(lambda: AttentionBlock(2, 7, dropout=0.2), inputs, (2, 3, 5))

    def test_worked_example(self):
        # The products of query and key are ±2 log 3 / √2, over √2 that is ±log 3: the token itself
        # weighs exp log 3 = 3, the other 1/3: 0.9 and 0.1. The first attends to
        # 0.9 * (2, -2) + 0.1 * (-2, 2) = (1.6, -1.6), the second to the reverse. Each is added to
        # its token, and so is (0, 10).
        output = block()(TOKENS, mask=tf.constant([[True, True]]))
        self.assertAllClose(output, [[[3.6, 8.4], [-0.6, 14.6]]], atol=2e-3)

    def test_missing_tokens_get_no_attention(self):
        output = block()(TOKENS, mask=tf.constant([[True, False]]))
        # Both attend to the first alone: (2, -2).
        self.assertAllClose(output, [[[4.0, 8.0], [3.0, 11.0]]], atol=2e-3)
        # Where all are absent, there is nothing to attend to.
        output = block()(TOKENS, mask=tf.constant([[False, False]]))
        self.assertAllClose(output, [[[2.0, 10.0], [1.0, 13.0]]])

    def test_heads_attend_independently(self):
        layer = AttentionBlock(2, 1)
        layer(TOKENS, mask=tf.constant([[True, True]]))
        heads = np.zeros([2, 3, 2, 1])  # component, (query, key, value), head, width
        heads[0, 0, 0], heads[0, 1, 0], heads[0, 2] = 1.0, np.log(3.0) / 2.0, 1.0
        layer.heads_layer.set_weights([heads, np.zeros([3, 2, 1])])
        layer.attention_output.set_weights([np.array([[[1.0, 0.0]], [[0.0, 1.0]]]), np.zeros([2])])
        layer.hidden_output.set_weights([np.zeros([1, 2]), np.zeros([2])])
        # The first head of the first token: logits ±log 3 / 2, weights 3 : 1, values ±1: 0.5, which
        # goes to the first component. The second takes the mean of ±1: 0.
        output = layer(TOKENS, mask=tf.constant([[True, True]]))
        self.assertAllClose(output, [[[2.5, 0.0], [0.5, 3.0]]], atol=2e-3)
