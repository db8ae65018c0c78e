"""Candidates and their sampling probabilities by hand and by simulation; false negatives."""

import doctest

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.data.histories import Histories
from tfmmrec.tasks.negatives import sampler
from tfmmrec.tasks.negatives.sampler import NegativeSampler
from tfmmrec.testing import TestCase

# Items 4, 0, 1, 0 of user 0, none of user 1, and 0, 4 of user 2; items 2 and 3 have no event.
HISTORIES = Histories(np.array([4, 0, 1, 0, 0, 4], np.int32), np.array([0, 4, 4, 6]))


def create(*, static_shapes: bool = False, **options) -> NegativeSampler:
    return NegativeSampler(NegativesConfig(**options), HISTORIES, 5, static_shapes=static_shapes)


def as_mask(found: tf.Tensor, num_events: int, num_candidates: int) -> np.ndarray:
    if found.dtype == tf.bool:
        return found.numpy()
    mask = np.zeros([num_events, num_candidates], bool)
    mask[tuple(np.array(found).T)] = True
    return mask


class NegativeSamplerTest(TestCase):
    def test_the_example_runs(self):
        self.assertEqual(doctest.testmod(sampler).failed, 0)

    def test_items_of_a_batch_are_distinct(self):
        found = create().sample(tf.constant([4, 0, 4]))
        self.assertAllEqual(found.rows, [4, 0])
        self.assertAllEqual(found.labels, [0, 1, 0])
        # 2 and 3 of the six events.
        self.assertAllClose(
            found.log_sampling_probability, np.log([1 - (4 / 6) ** 3, 1 - (3 / 6) ** 3]), atol=1e-6
        )

    def test_static_shapes_give_the_same_candidates(self):
        negatives = NegativeSampler(NegativesConfig(), HISTORIES, 5, static_shapes=True)
        for chosen in ([4, 0, 4, -1, -1], [-1, 4, 0, -1, 4]):
            found = negatives.sample(tf.constant(chosen))
            # As many rows as there are items; the probability is that of three events.
            self.assertAllEqual(found.rows, [4, 0, 0, 0, 0])
            self.assertAllClose(
                found.log_sampling_probability[:2],
                create().sample(tf.constant([4, 0, 4])).log_sampling_probability,
            )
            self.assertAllEqual(found.log_sampling_probability[2:], [1e9] * 3)
            real = [label for label, item in zip(found.labels, chosen, strict=True) if item >= 0]
            self.assertAllEqual(real, [0, 1, 0])

    def test_full_catalog_takes_all_items_of_the_training_events(self):
        found = create(source="full_catalog").sample(tf.constant([4, 0, 4]))
        self.assertAllEqual(found.rows, [0, 1, 4])
        self.assertAllEqual(found.labels, [2, 0, 2])
        self.assertAllEqual(found.log_sampling_probability, [0.0, 0.0, 0.0])

    @pytest.mark.slow
    def test_sampling_probabilities_agree_with_simulation(self):
        negatives, draw = create(num_uniform=2), np.random.default_rng(0)
        tf.random.set_seed(0)
        hits, rounds = np.zeros(5), 2000
        for _ in range(rounds):
            found = negatives.sample(tf.constant(draw.choice(HISTORIES.items, 3), tf.int32))
            hits[found.rows.numpy()] += 1
        expected = np.exp(
            negatives.log_sampling_probability(tf.constant([0, 1, 4]), tf.constant(3))
        )
        self.assertAllClose(hits[[0, 1, 4]] / rounds, expected, atol=0.03)
        self.assertAllEqual(hits[[2, 3]], [0, 0])

    def test_the_only_item_has_probability_one(self):
        only = NegativeSampler(
            NegativesConfig(), Histories(np.zeros(4, np.int32), np.array([0, 4])), 1
        )
        self.assertAllClose(only.sample(tf.constant([0, 0])).log_sampling_probability, [0.0])

    def mask(self, what: str) -> np.ndarray | None:
        negatives = create(mask_positives=what)
        candidates = negatives.sample(tf.constant([4, 0, 1]))
        found = negatives.false_negatives(
            candidates,
            users=tf.constant([2, 0]),
            batch_row=tf.constant([0, 0, 1, 1, 1]),
            num_earlier=tf.constant([0, 1, 0, 1, 3]),
        )
        return None if found is None else as_mask(found[:], 5, 3)

    def test_earlier_items_of_the_user_are_masked(self):
        self.assertAllEqual(
            self.mask("history"),  # of items 4, 0, 1
            [
                [False, False, False],
                [False, True, False],
                [False, False, False],
                [True, False, False],
                [True, True, True],
            ],
        )

    def test_all_items_of_the_user_or_none_are_masked(self):
        of_0, of_2 = [True, True, True], [True, True, False]
        self.assertAllEqual(self.mask("all"), [of_2, of_2, of_0, of_0, of_0])
        self.assertIsNone(self.mask("none"))

    def test_items_that_are_no_candidates_are_ignored(self):
        negatives = create()
        found = negatives.false_negatives(
            negatives.sample(tf.constant([1])),
            users=tf.constant([0]),
            batch_row=tf.constant([0, 0]),
            num_earlier=tf.constant([2, 3]),
        )
        self.assertAllEqual(found[:], [[False], [True]])
        self.assertAllEqual(found[0:0], np.zeros([0, 1], bool))

    def test_slices_equal_rows_of_the_whole_mask(self):
        negatives = create()
        found = negatives.false_negatives(
            negatives.sample(tf.constant([4, 0, 1])),
            users=tf.constant([2, 1, 0, 0]),
            batch_row=tf.constant([0, 0, 1, 2, 2, 3]),
            num_earlier=tf.constant([0, 1, 0, 1, 3, 4]),
        )
        whole = found[:].numpy()
        self.assertAllEqual(whole.sum(axis=1), [0, 1, 0, 1, 3, 3])
        for start, stop in ((0, 2), (1, 4), (2, 3), (4, 6), (5, 9)):
            self.assertAllEqual(found[start:stop], whole[start:stop])

    def test_rows_that_are_events_and_static_shapes_mask_the_same(self):
        users, num_earlier = tf.constant([2, 0, 0, 1]), tf.constant([1, 3, 0, 2])
        found = []
        for fixed in (False, True):
            negatives = create(static_shapes=fixed)
            candidates = negatives.sample(tf.constant([4, 0, 1, 0]))
            for rows in (None, tf.range(4)):
                part = negatives.false_negatives(
                    candidates, users, num_earlier=num_earlier, batch_row=rows
                )
                found.append(as_mask(part[0:4], 4, 3)[:, :3])
        # Of items 4, 0 and 1: user 2 had 0, user 0 all three, or none.
        self.assertAllEqual(found[0][:3], [[False, True, False], [True] * 3, [False] * 3])
        for other in found[1:]:
            self.assertAllEqual(found[0], other)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"source": "some"}, "source must be in_batch or full_catalog. Received: 'some'"),
        ({"num_uniform": -1}, "num_uniform must be at least 0. Received: -1"),
        (
            {"num_uniform": 5, "source": "full_catalog"},
            "num_uniform adds no candidate to source: full_catalog",
        ),
        (
            {"num_mined": 5, "source": "full_catalog"},
            "num_mined adds no candidate to source: full_catalog",
        ),
        (
            {"cross_batch_memory_size": 5, "source": "full_catalog"},
            "cross_batch_memory_size adds no candidate to source",
        ),
        ({"num_hard_negatives": -1}, "num_hard_negatives must be at least 0. Received: -1"),
        ({"mining_interval": 0}, "mining_interval must be at least 1. Received: 0"),
        (
            {"num_mined": 9, "mining_top_k": 8},
            "num_mined must be at most mining_top_k, 8. Received: 9",
        ),
        (
            {"mask_positives": "future"},
            "mask_positives must be one of none, history, all. Received: 'future'",
        ),
    ],
)
def test_invalid_options_are_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        NegativesConfig(**options)
