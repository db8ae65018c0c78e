"""Negative mining: which items, when, and how they join a batch."""

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from tests.distribute.worlds import config
from tests.tasks.negatives.test_sampler import HISTORIES
from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.tasks.negatives.mined_negatives import MinedNegatives
from tfmmrec.tasks.negatives.sampler import NegativeSampler
from tfmmrec.testing import TestCase
from tfmmrec.training.callbacks.negative_mining import NegativeMiningCallback, highest


class HighestTest(TestCase):
    def test_they_are_in_order_and_what_is_out_of_question_is_none(self):
        scores = np.array([[0.1, -np.inf, 0.3, 0.2], [-np.inf, -np.inf, -np.inf, -2.0]])
        self.assertAllEqual(highest(scores, 3), [[2, 3, 0], [3, -1, -1]])
        self.assertAllEqual(highest(scores, 5), [[2, 3, 0, -1, -1], [3, -1, -1, -1, -1]])


class MinedTest(TestCase):
    def test_all_are_taken_or_some_drawn(self):
        mined = MinedNegatives(3, num=2, top_k=2)
        mined.rows.assign([[7, 8], [5, -1], [-1, -1]])
        self.assertAllEqual(mined.draw(tf.constant([1, 0])), [5, -1, 7, 8])
        mined = MinedNegatives(1, num=20, top_k=30)
        mined.rows.assign([np.arange(30)])
        drawn = mined.draw(tf.constant([0, 0])).numpy()
        self.assertEqual(len(drawn), 40)
        self.assertGreater(len(set(drawn)), 10)

    def candidates(self, fixed: bool):
        options = NegativesConfig(num_mined=2, mining_top_k=2)
        sampler = NegativeSampler(options, HISTORIES, 5, static_shapes=fixed)
        sampler.begin_training(4)
        sampler.mined.rows.assign([[3, 4], [1, -1], [-1, -1]])
        return sampler.sample(tf.constant([4, 0, 4]), tf.constant([0, 2, 1]))

    def test_they_join_a_batch_and_weigh_one(self):
        # The batch chose 4 and 0; 4 was mined for user 0 as well. Item 0 is 3 of 6 choices.
        for fixed in (False, True):
            found = self.candidates(fixed)
            self.assertAllEqual(found.rows[:4], [4, 0, 3, 1])
            self.assertAllEqual(found.labels, [0, 1, 0])
            log_sampling_probability = [0.0, np.log(1 - (3 / 6) ** 3), 0.0, 0.0]
            self.assertAllClose(
                found.log_sampling_probability[:4], log_sampling_probability, atol=1e-6
            )
        self.assertAllEqual(found.log_sampling_probability[4:], [1e9])

    def test_before_anything_was_mined_there_is_the_batch_alone(self):
        sampler = NegativeSampler(NegativesConfig(num_mined=2), HISTORIES, 5)
        sampler.begin_training(4)
        found = sampler.sample(tf.constant([0, 1]), tf.constant([0, 0]))
        plain = NegativeSampler(NegativesConfig(), HISTORIES, 5).sample(tf.constant([0, 1]))
        self.assertAllEqual(found.rows, plain.rows)
        self.assertAllEqual(found.log_sampling_probability, plain.log_sampling_probability)


def test_each_user_gets_the_highest_of_what_they_did_not_choose(small):
    bundle = build_bundle(
        small, config(negatives={"num_mined": 1, "mining_top_k": 4, "mining_interval": 3})
    )
    task = bundle.model.retrieval
    task.begin_training()
    steps = SimpleNamespace(step=tf.Variable(0, dtype=tf.int64))
    mining = NegativeMiningCallback(bundle, task.sampler.mined, steps, interval=3)
    mining.on_epoch_begin(0)
    # Steps are taken by twos; the third is in the second pair.
    mining.on_train_batch_end(1)
    rows = task.sampler.mined.rows.numpy()
    assert rows.shape[1] == 4 and (rows == -1).all()
    mining.on_train_batch_end(3)
    rows = task.sampler.mined.rows.numpy()
    model, histories, scorer = bundle.model, bundle.histories, Scorer(bundle.model)
    vectors = model.item_vectors(tf.range(small.count("items"))).numpy()
    for user in range(0, len(rows), 7):
        chosen = set(histories.items[histories.offsets[user] : histories.offsets[user + 1]])
        [(_, [scores])] = scorer.scores(vectors, histories, np.array([user]))
        order = [row for row in np.argsort(-scores) if row not in chosen and model.known[row]]
        assert rows[user][: len(order)].tolist() == order[:4]
        assert set(rows[user][len(order) :]) <= {-1}
    task.end_training()
    assert task.sampler.mined is None
