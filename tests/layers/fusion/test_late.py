"""Late fusion against worked examples."""

import numpy as np
import tensorflow as tf

from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import FUSIONS, LateFusion
from tfmmrec.testing import TestCase

NAMES = ["t", "g"]
# Three items with a text and a picture of two components each; the last has no picture.
ITEMS = tf.constant([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0], [0.6, 0.8, 0.0, 0.0]])
# u_t = (1, 2), u_g = (3, 1). Scores of the texts: 1, 2, 2.2; of the pictures: 1, 3, none.
QUERY = tf.constant([[1.0, 2.0, 3.0, 1.0]])


def create(**options) -> LateFusion:
    return FUSIONS.parse({"kind": "late", **options}, names=NAMES).create(names=NAMES)


class WeightedDecisionTest(TestCase):
    def test_the_dot_product_is_the_weighted_sum_of_scores(self):
        fusion = create(weights={"t": 0.25, "g": 0.75})
        vectors = tf.constant([[[1.0, 0.0], [0.0, 1.0]], [[0.6, 0.8], [9.0, 9.0]]])
        items = fusion(vectors, mask=tf.constant([[True, True], [True, False]]))
        # Without a picture, the text has all the weight, and nothing stands for the picture.
        self.assertAllClose(items, [[0.25, 0.0, 0.0, 0.75], [0.6, 0.8, 0.0, 0.0]])
        # 0.25 * 1 + 0.75 * 1 = 1; 1 * 0.6 + 2 * 0.8 = 2.2
        self.assertAllClose(fusion.score(QUERY, items), [[1.0, 2.2]])

    def test_learned_weights_start_equal(self):
        fusion = create()
        fusion(tf.zeros([1, 2, 2]), mask=tf.constant([[True, True]]))
        self.assertAllClose(fusion.current_weights(), [0.5, 0.5])
        self.assertLen(fusion.trainable_variables, 1)


class VotingTest(TestCase):
    def test_max_takes_the_highest_log_probability_of_present_modalities(self):
        scores = create(decision="voting").score(QUERY, ITEMS)
        texts = np.array([1.0, 2.0, 2.2]) - np.log(np.exp([1.0, 2.0, 2.2]).sum())
        pictures = np.array([1.0, 3.0]) - np.log(np.exp([1.0, 3.0]).sum())
        self.assertAllClose(scores, [[texts[0], pictures[1], texts[2]]])

    def test_a_modality_with_equal_scores_has_no_influence(self):
        items = tf.constant([[1.0, 0.0, 9.0, 9.0], [0.0, 1.0, 9.0, 9.0], [0.6, 0.8, 9.0, 9.0]])
        scores = create(decision="voting").score(5.0 * QUERY, items).numpy()
        texts = 5.0 * np.array([1.0, 2.0, 2.2])
        texts -= np.log(np.exp(texts).sum())
        self.assertAllClose(scores, [np.maximum(texts, np.log(1 / 3))], rtol=1e-4)
        self.assertEqual(scores.argmax(), 2)

    def test_borda_is_the_mean_fraction_of_lower_ranked_items(self):
        # Texts rank the items 3, 2, 1: shares behind 0, 1/2 and 1. Two items have pictures, which
        # rank them 2, 1: shares 0 and 1.
        scores = create(decision="voting", vote="borda").score(QUERY, ITEMS)
        self.assertAllClose(scores, [[0.0, 0.75, 1.0]])
        # With weights 1 : 3 the second is (1 * 0.5 + 3 * 1) / 4 = 0.875.
        weighted = create(decision="voting", vote="borda", weights={"t": 1, "g": 3})
        self.assertAllClose(weighted.score(QUERY, ITEMS), [[0.0, 0.875, 1.0]])

    def test_reciprocal_ranks(self):
        scores = create(decision="voting", vote="reciprocal_rank").score(QUERY, ITEMS)
        # Ranks of texts 3, 2, 1 and of pictures 2, 1, weights of a half.
        expected = [[0.5 / 63 + 0.5 / 62, 0.5 / 62 + 0.5 / 61, 0.5 / 61]]
        self.assertAllClose(scores, expected, rtol=1e-5)

    def test_voting_does_not_weight_embeddings(self):
        fusion = create(decision="voting")
        vectors = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
        self.assertAllClose(
            fusion(vectors, mask=tf.constant([[True, False]])), [[1.0, 0.0, 0.0, 0.0]]
        )
        self.assertEqual((fusion.joint_loss_weight, fusion.modality_loss_weight), (0.0, 1.0))
        self.assertEqual((fusion.num_blocks, fusion.num_temperatures), (2, 2))

    def test_scores_run_under_xla(self):
        for vote in ("max", "borda", "reciprocal_rank"):
            fusion = create(decision="voting", vote=vote)
            compiled = tf.function(fusion.score, jit_compile=True)
            self.assertAllClose(compiled(QUERY, ITEMS), fusion.score(QUERY, ITEMS))


class OptionsTest(TestCase):
    def test_bad_options_are_refused(self):
        for options, reason in (
            ({"decision": "vote"}, "decision must be weighted or voting. Received: 'vote'"),
            ({"vote": "best"}, "vote must be one of max, borda, reciprocal_rank"),
            (
                {"modality_loss_weight": -1.0},
                "modality_loss_weight must be at least 0. Received: -1.0",
            ),
            ({"weights": {"x": 1.0}}, "no such feature"),
        ):
            with self.assertRaisesRegex(ConfigError, reason):
                create(**options)

    def test_equal_ranks_of_many_items_are_those_of_numpy(self):
        generator = np.random.default_rng(0)
        queries = generator.normal(size=[5, 4]).astype(np.float32)
        items = generator.normal(size=[50, 4]).astype(np.float32)
        scores = create(decision="voting", vote="borda").score(queries, items).numpy()
        shares = []
        for block in (slice(0, 2), slice(2, 4)):
            own = queries[:, block] @ items[:, block].T
            shares.append((own[:, :, None] > own[:, None, :]).sum(axis=2) / 49)
        self.assertAllClose(scores, (shares[0] + shares[1]) / 2, atol=1e-5)
