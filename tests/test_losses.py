"""Losses against softmaxes that are written out."""

import numpy as np
import tensorflow as tf

from tfmmrec.losses import info_nce, member_softmax
from tfmmrec.testing import TestCase


def softmax_loss(logits: np.ndarray) -> float:
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - np.diag(logits)))


class InfoNceTest(TestCase):
    first = tf.constant([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    second = tf.constant([[0.8, 0.6], [1.0, 0.0], [0.0, 1.0]])

    def loss(self, **options) -> float:
        given = {"mask": tf.constant([True, True, True]), "temperature": 0.5, **options}
        return float(info_nce(self.first, self.second, **given))

    def test_it_is_the_mean_of_both_directions(self):
        logits = self.first.numpy() @ self.second.numpy().T / 0.5
        expected = (softmax_loss(logits) + softmax_loss(logits.T)) / 2
        self.assertAllClose(self.loss(), expected)

    def test_rows_that_are_not_there_are_left_out(self):
        logits = self.first.numpy()[:2] @ self.second.numpy()[:2].T / 0.5
        expected = (softmax_loss(logits) + softmax_loss(logits.T)) / 2
        self.assertAllClose(self.loss(mask=tf.constant([True, True, False])), expected)
        self.assertAllClose(self.loss(mask=tf.constant([False] * 3)), 0.0)
        # A row alone has nothing to be told from.
        self.assertAllClose(self.loss(mask=tf.constant([True, False, False])), 0.0)

    def test_the_same_thing_is_no_negative(self):
        same = tf.constant([[True, True, False], [True, True, False], [False, False, True]])
        logits = self.first.numpy() @ self.second.numpy().T / 0.5
        for a, b in ((0, 1), (1, 0)):
            logits[a, b] = -np.inf
        expected = (softmax_loss(logits) + softmax_loss(logits.T)) / 2
        self.assertAllClose(self.loss(same=same), expected)

    def test_gradients_are_finite_where_nothing_is_there(self):
        first = tf.Variable(self.first)
        with tf.GradientTape() as tape:
            loss = info_nce(first, self.second, mask=tf.constant([False] * 3), temperature=0.01)
        self.assertAllEqual(tape.gradient(loss, first), tf.zeros([3, 2]))


class MemberSoftmaxTest(TestCase):
    queries = tf.constant([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    items = tf.constant([7, 8, 7])
    log_shares = tf.math.log([0.2, 0.8, 0.2])

    def test_items_that_the_member_cannot_tell_take_no_part(self):
        candidates = tf.constant([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
        loss = member_softmax(
            self.queries, candidates, items=tf.constant([7, 8, 9]), log_shares=self.log_shares
        )
        # Rows 0 and 2 over items 0 and 2: logits 2 and 0, then 1 and 1; the shares are equal and
        # cancel. log(e^2 + e^0) - 2 = 0.126928 and log(e + e) - 1 = 0.693147; mean 0.410038.
        self.assertAllClose(loss, 0.410038, atol=1e-5)

    def test_the_same_item_of_another_row_is_no_negative(self):
        candidates = tf.constant([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
        loss = member_softmax(
            self.queries, candidates, items=self.items, log_shares=self.log_shares
        )
        logits = self.queries.numpy() @ candidates.numpy().T - np.log([0.2, 0.8, 0.2])
        kept = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]])
        expected = np.mean(np.log((np.exp(logits) * kept).sum(axis=1)) - np.diag(logits))
        self.assertAllClose(loss, expected)
