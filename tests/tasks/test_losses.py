"""Losses against explicit softmaxes."""

import dataclasses
import doctest

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.data.histories import Histories
from tfmmrec.tasks import info_nce as info_nce_module
from tfmmrec.tasks import losses
from tfmmrec.tasks.info_nce import info_nce
from tfmmrec.tasks.losses import candidate_bpr, candidate_softmax, disliked_loss
from tfmmrec.tasks.negatives.disliked import Disliked
from tfmmrec.tasks.negatives.sampler import Candidates, NegativeSampler
from tfmmrec.tasks.targets import Targets
from tfmmrec.testing import TestCase


def softmax_loss(logits: np.ndarray) -> float:
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - np.diag(logits)))


class ExampleTest(TestCase):
    def test_the_examples_run(self):
        for module in (losses, info_nce_module):
            result = doctest.testmod(module)
            self.assertEqual((result.failed, result.attempted > 0), (0, True))


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

    def test_rows_outside_the_mask_are_left_out(self):
        logits = self.first.numpy()[:2] @ self.second.numpy()[:2].T / 0.5
        expected = (softmax_loss(logits) + softmax_loss(logits.T)) / 2
        self.assertAllClose(self.loss(mask=tf.constant([True, True, False])), expected)
        self.assertAllClose(self.loss(mask=tf.constant([False] * 3)), 0.0)
        # A single row has no negatives.
        self.assertAllClose(self.loss(mask=tf.constant([True, False, False])), 0.0)

    def test_pairs_of_the_same_item_are_no_negatives(self):
        same = tf.constant([[True, True, False], [True, True, False], [False, False, True]])
        logits = self.first.numpy() @ self.second.numpy().T / 0.5
        for a, b in ((0, 1), (1, 0)):
            logits[a, b] = -np.inf
        expected = (softmax_loss(logits) + softmax_loss(logits.T)) / 2
        self.assertAllClose(self.loss(same=same), expected)

    def test_gradients_are_finite_with_an_empty_mask(self):
        first = tf.Variable(self.first)
        with tf.GradientTape() as tape:
            loss = info_nce(first, self.second, mask=tf.constant([False] * 3), temperature=0.01)
        self.assertAllEqual(tape.gradient(loss, first), tf.zeros([3, 2]))


class CandidateSoftmaxTest(TestCase):
    queries = tf.constant([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    candidates = tf.constant([[1.0, 0.0], [0.5, 1.0], [0.0, 1.0]])
    labels = tf.constant([0, 1, 0])
    log_sampling_probability = tf.math.log([0.9, 0.2, 0.5])

    def loss(self, **options) -> tf.Tensor:
        given = {
            "queries": self.queries,
            "candidates": self.candidates,
            "labels": self.labels,
            "log_sampling_probability": self.log_sampling_probability,
        }
        return candidate_softmax(**{**given, **options})

    def test_negatives_weigh_1_over_q_and_the_target_item_1(self):
        logits = self.queries.numpy() @ self.candidates.numpy().T
        weights = np.tile(1.0 / np.array([0.9, 0.2, 0.5]), [3, 1])
        weights[np.arange(3), [0, 1, 0]] = 1.0
        own = logits[np.arange(3), [0, 1, 0]]
        expected = np.mean(np.log((weights * np.exp(logits)).sum(axis=1)) - own)
        self.assertAllClose(self.loss(), expected)

    def test_false_negatives_have_no_gradient(self):
        masked = tf.constant([[True, True, False], [False, False, False], [False, True, False]])
        candidates = tf.Variable(self.candidates)
        with tf.GradientTape() as tape:
            # The rows that mask the second item, without the one whose target it is.
            loss = self.loss(
                candidates=candidates,
                queries=tf.gather(self.queries, [0, 2]),
                labels=tf.constant([0, 0]),
                false_negatives=tf.gather(masked, [0, 2]),
            )
        gradient = tape.gradient(loss, candidates).numpy()
        self.assertAllEqual(gradient[1], [0.0, 0.0])
        self.assertTrue(gradient[2].any())
        # The target item stays even where it is masked.
        logits = self.queries.numpy()[[0, 2]] @ self.candidates.numpy()[[0, 2]].T
        self.assertAllClose(loss, np.mean(np.log(np.exp(logits) @ [1.0, 2.0]) - logits[:, 0]))

    def test_items_without_content_take_no_part(self):
        candidates = tf.constant([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
        loss = self.loss(candidates=candidates, log_sampling_probability=tf.zeros([3]))
        # Events 0 and 2 count: log(e^2 + e^0) - 2 = 0.126928, log(e + e) - 1 = 0.693147.
        self.assertAllClose(loss, 0.410038, atol=1e-5)
        self.assertAllClose(self.loss(candidates=tf.zeros([3, 2])), 0.0)

    def test_gradients_equal_the_formula(self):
        # Candidates 0 and 3 have no content; 3 is the target of event 2. The last target is masked.
        draw = np.random.default_rng(0)
        queries = tf.constant(draw.normal(size=[6, 4]), tf.float32)
        candidates = draw.normal(size=[5, 4]) * np.array([[0], [1], [1], [0], [1]])
        candidates = tf.constant(candidates, tf.float32)
        labels, log_sampling_probability = (
            [1, 2, 3, 4, 1, 2],
            tf.math.log([0.5, 0.1, 0.9, 0.2, 0.4]),
        )
        masked = draw.random([6, 5]) < 0.4
        masked[5, 2] = True
        weights = np.where(masked, 0.0, [0.0, 10.0, 1 / 0.9, 0.0, 2.5])
        weights[np.arange(6), labels] = 1.0

        def plain() -> tf.Tensor:
            logits = tf.matmul(queries, candidates, transpose_b=True)
            total = tf.reduce_sum(tf.constant(weights, tf.float32) * tf.exp(logits), axis=1)
            losses = tf.math.log(total) - tf.gather(logits, labels, batch_dims=1)
            return tf.reduce_mean(tf.gather(losses, [0, 1, 3, 4, 5]))

        def ours() -> tf.Tensor:
            return candidate_softmax(
                queries,
                candidates,
                labels=tf.constant(labels),
                log_sampling_probability=log_sampling_probability,
                false_negatives=tf.constant(masked),
            )

        for found, expected in zip(
            *(self.with_gradients(f, queries, candidates) for f in (ours, plain)), strict=True
        ):
            self.assertAllClose(found, expected, atol=1e-5)

    def with_gradients(self, loss, *given: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(given)
            value = loss()
        return [value, *tape.gradient(value, given)]

    def test_half_precision_is_summed_in_float32(self):
        halves = {n: tf.cast(getattr(self, n), tf.float16) for n in ("queries", "candidates")}
        self.assertEqual(self.loss(**halves).dtype, tf.float32)
        self.assertAllClose(self.loss(**halves), self.loss(), atol=2e-3)

    @pytest.mark.slow
    def test_gradients_equal_those_of_the_full_softmax_on_average(self):
        draw = np.random.default_rng(0)
        # Popular items differ from the rest, so that the sampling probability matters.
        popular = np.arange(60)[:, np.newaxis] < 10
        items = tf.constant(draw.normal(size=[60, 4]) + 1.5 * popular, tf.float32)
        query = tf.Variable(draw.normal(size=[1, 4]).astype(np.float32))
        counts = np.ceil(200.0 / np.arange(1, 61)).astype(int)
        histories = Histories(np.repeat(np.arange(60), counts), np.array([0, counts.sum()]))

        def gradient(options: dict, others: np.ndarray, corrected: bool = True) -> np.ndarray:
            sampler = NegativeSampler(NegativesConfig(**options), histories, 60)
            found = sampler.sample(tf.constant(np.concatenate([[3], others]), tf.int32))
            with tf.GradientTape() as tape:
                loss = candidate_softmax(
                    query,
                    tf.gather(items, found.rows),
                    labels=found.labels[:1],
                    log_sampling_probability=found.log_sampling_probability * float(corrected),
                )
            return tape.gradient(loss, query).numpy()[0]

        def off(options: dict, corrected: bool = True) -> float:
            tf.random.set_seed(0)
            drawn = draw.choice(60, [300, 40], p=counts / counts.sum())
            found = np.mean([gradient(options, others, corrected) for others in drawn], axis=0)
            return np.linalg.norm(found - exact) / np.linalg.norm(exact)

        exact = gradient({"source": "full_catalog"}, np.zeros(0, np.int32))
        self.assertLess(off({}), 0.09)
        self.assertLess(off({"num_uniform": 10}), 0.07)
        self.assertGreater(off({}, corrected=False), 0.25)


class CandidateBprTest(TestCase):
    given = CandidateSoftmaxTest

    def loss(self, **options) -> tf.Tensor:
        held = {n: getattr(self.given, n) for n in ("queries", "candidates", "labels")}
        return candidate_bpr(
            **{**held, "log_sampling_probability": self.given.log_sampling_probability, **options}
        )

    def test_pairs_weigh_1_over_q_of_the_negative(self):
        logits = self.given.queries.numpy() @ self.given.candidates.numpy().T
        weights = 1.0 / np.array([0.9, 0.2, 0.5])
        expected = []
        for row, own in zip(logits, [0, 1, 0], strict=True):
            others = np.delete(np.arange(3), own)
            pairs = np.log1p(np.exp(row[others] - row[own]))
            expected.append(weights[others] @ pairs / weights[others].sum())
        self.assertAllClose(self.loss(), np.mean(expected))

    def test_false_negatives_take_no_part(self):
        candidates = tf.Variable(self.given.candidates)
        masked = tf.constant([[True, False, False]] * 3)
        with tf.GradientTape() as tape:
            loss = self.loss(
                candidates=candidates, labels=tf.constant([1, 1, 2]), false_negatives=masked
            )
        gradient = tape.gradient(loss, candidates).numpy()
        self.assertAllEqual(gradient[0], [0.0, 0.0])
        self.assertTrue(gradient[1:].any(axis=1).all())

    def test_without_negatives_the_loss_is_zero(self):
        masked = tf.constant([[True, True, True]] * 3)
        self.assertAllClose(self.loss(false_negatives=masked), 0.0)
        self.assertAllClose(self.loss(candidates=tf.zeros([3, 2])), 0.0)


class DislikedLossTest(TestCase):
    # The rows of the batch are two windows, with two events and one; the second user disliked none.
    queries = tf.constant([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    items = tf.constant([[1.0, 0.0], [0.0, 1.0]])
    disliked = tf.constant([[0.6, 0.8], [0.0, 1.0]])

    def loss(self, weight: list[float] | None = None, **changes) -> tf.Tensor:
        rows, labels = tf.constant([5, 6]), tf.constant([0, 1, 0])
        candidates = Candidates(rows, tf.zeros([2]), labels, rows)
        candidates = dataclasses.replace(
            candidates,
            disliked=Disliked(tf.constant([8, 0]), tf.constant([0, 1]), tf.constant([0.5, 0.0])),
        )
        targets = Targets(
            tf.constant([5, 6, 5]),
            tf.constant([-1, 5, -1]),
            users=tf.constant([0, 1]),
            batch_row=tf.constant([0, 0, 1]),
            num_earlier=tf.constant([0, 1, 0]),
            weight=None if weight is None else tf.constant(weight),
        )
        given = {"queries": self.queries, "items": self.items, "disliked": self.disliked}
        return disliked_loss(**{**given, **changes}, candidates=candidates, targets=targets)

    def test_the_target_item_is_to_score_above_the_disliked_one(self):
        # Scores of the disliked item: 1.2 and 1.6; of the targets: 2 and 2. The dislike weighs 1/2.
        # log(1 + e^-0.8) = 0.371101 and log(1 + e^-0.4) = 0.513015.
        self.assertAllClose(self.loss(), 0.5 * (0.371101 + 0.513015) / 3, atol=1e-5)
        weighted = 0.5 * (2.0 * 0.371101 + 0.5 * 0.513015) / 3
        self.assertAllClose(self.loss([2.0, 0.5, 0.5]), weighted, atol=1e-5)

    def test_what_has_no_content_takes_no_part(self):
        self.assertAllClose(self.loss(disliked=tf.zeros([2, 2])), 0.0)
        # The target of events 0 and 2: only event 1 counts, and is the mean.
        items = tf.constant([[0.0, 0.0], [0.0, 1.0]])
        self.assertAllClose(self.loss(items=items), 0.5 * 0.513015, atol=1e-5)

    def test_the_gradient_pushes_the_disliked_item_away(self):
        disliked = tf.Variable(self.disliked)
        with tf.GradientTape() as tape:
            loss = self.loss(disliked=disliked)
        gradient = tf.convert_to_tensor(tape.gradient(loss, disliked))
        # By σ(-0.8) = 0.310026 of query 0 and σ(-0.4) = 0.401312 of query 1, times 1/2 and 1/3.
        self.assertAllClose(gradient[0], [0.310026 * 2 / 6, 0.401312 * 2 / 6], atol=1e-5)
        self.assertAllClose(gradient[1], [0.0, 0.0])


class WeightedBprTest(TestCase):
    def test_weights_multiply_the_losses(self):
        given = {
            "candidates": tf.constant([[1.0, 0.0], [0.5, 1.0], [0.0, 1.0]]),
            "log_sampling_probability": tf.zeros([3]),
        }
        queries, labels = tf.constant([[2.0, 0.0], [0.0, 1.0]]), tf.constant([0, 1])
        each = [
            float(candidate_bpr(queries[n : n + 1], labels=labels[n : n + 1], **given))
            for n in range(2)
        ]
        weight = tf.constant([0.5, 1.5])
        loss = candidate_bpr(queries, labels=labels, weight=weight, **given)
        self.assertAllClose(loss, (0.5 * each[0] + 1.5 * each[1]) / 2)
