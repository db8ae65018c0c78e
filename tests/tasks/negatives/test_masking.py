"""Hard negatives by hand, and the losses over them against explicit formulas."""

import doctest

import numpy as np
import tensorflow as tf

from tfmmrec.tasks.losses import candidate_bpr, candidate_softmax
from tfmmrec.tasks.negatives import masking
from tfmmrec.tasks.negatives.masking import hardest_negatives
from tfmmrec.testing import TestCase

DRAW = np.random.default_rng(0)
QUERIES = DRAW.normal(size=[4, 3]).astype(np.float32)
# The fourth candidate has no content.
VECTORS = (DRAW.normal(size=[6, 3]) * [[1], [1], [1], [0], [1], [1]]).astype(np.float32)
LABELS = np.array([0, 1, 2, 0])
# The last candidate is padding.
LOG_PROBABILITIES = np.append(np.log([0.9, 0.2, 0.5, 0.3, 0.1]), 1e9).astype(np.float32)
# The second candidate is a false negative of every event.
MASK = np.zeros([4, 6], bool)
MASK[:, 1] = True
MASK[2, 4] = True


def kept(num: int) -> np.ndarray:
    """The hard negatives of each event: not masked, with content, not padding."""
    logits = QUERIES @ VECTORS.T
    found = np.zeros(logits.shape, bool)
    for event, own in enumerate(LABELS):
        there = [c for c in (0, 1, 2, 4) if c != own and not MASK[event, c]]
        found[event, sorted(there, key=lambda c: -logits[event, c])[:num]] = True
    return found


def given(num: int) -> dict:
    return {
        "labels": tf.constant(LABELS, tf.int32),
        "log_sampling_probability": tf.constant(LOG_PROBABILITIES),
        "false_negatives": tf.constant(MASK),
        "num_hard_negatives": num,
    }


def with_gradients(loss, **options) -> list[np.ndarray]:
    sides = [tf.constant(QUERIES), tf.constant(VECTORS)]
    with tf.GradientTape() as tape:
        tape.watch(sides)
        value = loss(*sides, **options)
    return [value.numpy(), *(part.numpy() for part in tape.gradient(value, sides))]


class HardestTest(TestCase):
    def test_the_example_runs(self):
        self.assertEqual(doctest.testmod(masking).failed, 0)

    def test_all_negatives_are_hard_where_there_are_fewer(self):
        scores = tf.constant([[3.0, 1.0, 2.0, 1.0], [0.0, -4.0, -5.0, -6.0]])
        there = tf.constant([[True] * 4, [False, False, True, False]])
        of_second = [False, False, True, False]
        for num, of_first in ((2, [True, False, True, False]), (9, [True] * 4)):
            self.assertAllEqual(hardest_negatives(scores, there, num), [of_first, of_second])
        # Ties with the third are hard as well.
        self.assertAllEqual(hardest_negatives(scores, there, 3), [[True] * 4, of_second])
        self.assertAllEqual(
            hardest_negatives(scores, tf.zeros_like(there), 2), tf.zeros_like(there)
        )


class HardLossTest(TestCase):
    def softmax(self, num: int, queries: tf.Tensor, vectors: tf.Tensor) -> tf.Tensor:
        """Negatives weigh 1 / Q, the target item 1."""
        weights = kept(num) * np.exp(-LOG_PROBABILITIES)
        weights[np.arange(4), LABELS] = 1.0
        logits = tf.matmul(queries, vectors, transpose_b=True)
        total = tf.reduce_sum(tf.constant(weights, tf.float32) * tf.exp(logits), axis=1)
        return tf.reduce_mean(tf.math.log(total) - tf.gather(logits, LABELS, batch_dims=1))

    def bpr(self, num: int, queries: tf.Tensor, vectors: tf.Tensor) -> tf.Tensor:
        weights = kept(num) * np.exp(-LOG_PROBABILITIES)
        weights = tf.constant(weights / weights.sum(axis=1, keepdims=True), tf.float32)
        logits = tf.matmul(queries, vectors, transpose_b=True)
        own = tf.gather(logits, LABELS, batch_dims=1)[:, tf.newaxis]
        return tf.reduce_mean(tf.reduce_sum(weights * tf.math.softplus(logits - own), axis=1))

    def test_loss_and_gradients_equal_the_formula(self):
        for ours, theirs in ((candidate_softmax, self.softmax), (candidate_bpr, self.bpr)):
            for num in (1, 2):
                found = with_gradients(ours, **given(num))
                expected = with_gradients(lambda *sides, f=theirs, n=num: f(n, *sides))
                for one, other in zip(found, expected, strict=True):
                    self.assertAllClose(one, other, atol=1e-5)

    def test_other_negatives_have_no_gradient(self):
        for loss in (candidate_softmax, candidate_bpr):
            # The target item of all events is the first candidate.
            part = {**given(1), "labels": tf.constant([0, 0, 0, 0])}
            _, _, slopes = with_gradients(loss, **part)
            logits = np.where(MASK, -np.inf, QUERIES @ VECTORS.T)[:, [2, 4]]
            hard = {(2, 4)[c] for c in logits.argmax(axis=1)} | {0}
            for column in range(6):
                self.assertEqual(slopes[column].any(), column in hard)

    def test_as_many_as_there_are_candidates_keeps_all(self):
        for loss in (candidate_softmax, candidate_bpr):
            found, expected = (with_gradients(loss, **given(num)) for num in (6, 0))
            for one, other in zip(found, expected, strict=True):
                self.assertAllEqual(one, other)
