"""Bilinear fusion against worked examples."""

import tensorflow as tf

from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import FUSIONS, BilinearFusion
from tfmmrec.testing import TestCase

PAIR = tf.constant([[[3.0], [5.0]]])
BOTH = tf.constant([[True, True]])


def bilinear(**options) -> BilinearFusion:
    """Rank 2: (2t + 1)(g - 1), weighted 1, and (t - 4)(3g + 2), weighted 0.5; plus 7t - g + 10."""
    fusion = BilinearFusion(["t", "g"], rank=2, **options)
    fusion(PAIR, mask=BOTH)
    fusion.linear.assign([[[7.0]], [[-1.0]]])
    fusion.factors.assign([[[[2.0], [1.0]]], [[[1.0], [3.0]]]])
    fusion.offsets.assign([[[1.0], [-4.0]], [[-1.0], [2.0]]])
    fusion.rank_weights.assign([1.0, 0.5])
    fusion.bias.assign([10.0])
    return fusion


class BilinearFusionTest(TestCase):
    def test_it_starts_as_the_plain_average(self):
        fusion = BilinearFusion(["t", "g", "a"])
        given = tf.constant([[[3.0, 6.0], [0.0, 3.0], [9.0, 0.0]]])
        # ((3 + 0 + 9) / 3, (6 + 3 + 0) / 3)
        self.assertAllClose(fusion(given, mask=tf.constant([[True] * 3])), [[4.0, 3.0]])
        # Of two, the direction of their average: (12 / 3, 6 / 3).
        self.assertAllClose(fusion(given, mask=tf.constant([[True, False, True]])), [[4.0, 2.0]])

    def test_worked_example(self):
        # (2*3 + 1)(5 - 1) = 28; (3 - 4)(3*5 + 2) = -17; 28 - 8.5 = 19.5;
        # 7*3 - 5 + 10 = 26; together 45.5.
        self.assertAllClose(bilinear()(PAIR, mask=BOTH), [[45.5]])

    def test_a_missing_feature_is_a_zero_with_a_one_appended(self):
        for learned in (True, False):
            fusion = bilinear(learned_missing_embedding=learned)
            # g = 0: (2*3 + 1)(-1) = -7; (3 - 4)(2) = -2; -7 - 1 = -8; 7*3 + 10 = 31; 23.
            self.assertAllClose(fusion(PAIR, mask=tf.constant([[True, False]])), [[23.0]])
            # Nothing: (1)(-1) = -1; (-4)(2) = -8; -1 - 4 + 10 = 5.
            self.assertAllClose(fusion(PAIR, mask=tf.constant([[False, False]])), [[5.0]])

    def test_learned_missing_embeddings_replace_missing_features(self):
        fusion = bilinear()
        fusion.missing_embeddings.assign([[100.0], [2.0]])
        # g = 2: (7)(2 - 1) = 7; (-1)(3*2 + 2) = -8; 7 - 4 = 3; 21 - 2 + 10 = 29; 32.
        self.assertAllClose(fusion(PAIR, mask=tf.constant([[True, False]])), [[32.0]])
        self.assertAllClose(fusion(PAIR, mask=BOTH), [[45.5]])
        self.assertIsNone(bilinear(learned_missing_embedding=False).missing_embeddings)

    def test_output_components_have_separate_factors(self):
        fusion = BilinearFusion(["t", "g"], rank=1)
        given = tf.constant([[[1.0, 2.0], [3.0, 4.0]]])
        fusion(given, mask=BOTH)
        fusion.linear.assign(tf.zeros([2, 2, 2]))
        # By feature, component of the input, rank, component of the output.
        fusion.factors.assign([[[[1.0, 0.0]], [[1.0, 5.0]]], [[[2.0, 1.0]], [[0.0, 1.0]]]])
        fusion.offsets.assign(tf.zeros([2, 1, 2]))
        fusion.rank_weights.assign([1.0])
        # First: (1 + 2) * (2 * 3) = 18; second: (5 * 2) * (3 + 4) = 70.
        self.assertAllClose(fusion(given, mask=BOTH), [[18.0, 70.0]])

    def test_a_product_is_not_a_sum(self):
        fusion = bilinear()

        def value(t: float, g: float) -> float:
            return float(fusion(tf.constant([[[t], [g]]]), mask=BOTH)[0, 0])

        # d²/dt dg of (2t + 1)(g - 1) + (t - 4)(3g + 2) / 2 is 2 + 1.5.
        self.assertAllClose(
            value(1.0, 1.0) + value(0.0, 0.0) - value(1.0, 0.0) - value(0.0, 1.0), 3.5
        )

    def test_many_factors_fit_in_float16(self):
        tf.keras.mixed_precision.set_global_policy("mixed_float16")
        try:
            names = list("abcdefgh")
            fusion = BilinearFusion(names, rank=1)
            given, mask = tf.zeros([1, 8, 1]), tf.ones([1, 8], tf.bool)
            fusion(given, mask=mask)
            fusion.offsets.assign(tf.fill([8, 1, 1], 10.0))
            fusion.rank_weights.assign([2.0**-20])
            # 10^8 / 2^20 = 95.367, though float16 ends at 65504.
            self.assertAllClose(fusion(given, mask=mask), [[95.367]], rtol=1e-2)
        finally:
            tf.keras.mixed_precision.set_global_policy("float32")

    def test_bad_options_are_refused(self):
        for options, reason in (
            ({"rank": 0}, "rank must be at least 1. Received: 0"),
            ({"rank": 2.5}, "rank must be a whole number. Received: 2.5"),
            ({"dropout": -0.1}, "dropout must be from 0 to below 1. Received: -0.1"),
            (
                {"learned_missing_embedding": 1},
                "learned_missing_embedding must be true or false. Received: 1",
            ),
        ):
            with self.assertRaisesRegex(ConfigError, reason):
                FUSIONS.parse({"kind": "bilinear", **options}, names=["t"]).create(names=["t"])
