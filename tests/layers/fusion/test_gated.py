"""Gated fusion against worked examples."""

import numpy as np
import tensorflow as tf

from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import FUSIONS, GatedFusion
from tfmmrec.testing import TestCase

PAIR = tf.constant([[[1.0], [5.0]]])
BOTH = tf.constant([[True, True]])
LOG_3 = np.log(3.0)


def gated(**options) -> GatedFusion:
    """Linear in (t, g, t is there, g is there): the logit of t is log 3 times t, that of g is 0."""
    fusion = GatedFusion(["t", "g"], units=0, **options)
    fusion(PAIR, mask=BOTH)
    fusion.gate.set_weights([np.array([[LOG_3, 0], [0, 0], [0, 0], [0, 0]]), np.zeros([2])])
    return fusion


class GatedFusionTest(TestCase):
    def test_it_starts_as_the_plain_average(self):
        for units in (0, 8):
            fusion = GatedFusion(["t", "g"], units=units)
            # (1 + 5) / 2
            self.assertAllClose(fusion(PAIR, mask=BOTH), [[3.0]])

    def test_weights_depend_on_the_content(self):
        fusion = gated()
        # t = 1: the weights are 3 : 1, and 3/4 * 1 + 1/4 * 5 = 2.
        self.assertAllClose(fusion.item_weights(PAIR, BOTH), [[0.75, 0.25]])
        self.assertAllClose(fusion(PAIR, mask=BOTH), [[2.0]])
        # t = 2: 9 : 1, and 9/10 * 2 + 1/10 * 5 = 2.3.
        self.assertAllClose(fusion(tf.constant([[[2.0], [5.0]]]), mask=BOTH), [[2.3]])

    def test_missing_features_have_no_weight(self):
        fusion = gated()
        self.assertAllClose(fusion(PAIR, mask=tf.constant([[True, False]])), [[1.0]])
        self.assertAllClose(fusion(PAIR, mask=tf.constant([[False, True]])), [[5.0]])
        self.assertAllClose(fusion(PAIR, mask=tf.constant([[False, False]])), [[0.0]])

    def test_weights_depend_on_the_mask(self):
        fusion = GatedFusion(["t", "g", "a"], units=0)
        given = tf.constant([[[1.0], [5.0], [0.0]]] * 2)
        mask = tf.constant([[True, True, True], [True, True, False]])
        fusion(given, mask=mask)
        kernel = np.zeros([6, 3])
        kernel[5, 0] = LOG_3  # t counts thrice where a is there
        fusion.gate.set_weights([kernel, np.zeros([3])])
        # With a: 3 : 1 : 1, 3/5 * 1 + 1/5 * 5 + 1/5 * 0 = 1.6. Without: (1 + 5) / 2 = 3.
        self.assertAllClose(fusion(given, mask=mask), [[1.6], [3.0]])

    def test_a_feature_has_a_bias(self):
        fusion = gated()
        fusion.gate.set_weights([np.zeros([4, 2]), np.array([0.0, LOG_3])])
        # 1 : 3 whatever the content is: 1/4 * 1 + 3/4 * 5 = 4.
        self.assertAllClose(fusion(PAIR, mask=BOTH), [[4.0]])

    def test_temperature(self):
        # log 3 / 0.5 = log 9: 9/10 * 1 + 1/10 * 5 = 1.4.
        self.assertAllClose(gated(temperature=0.5)(PAIR, mask=BOTH), [[1.4]])
        fusion = gated(temperature=None)
        self.assertAllClose(fusion(PAIR, mask=BOTH), [[2.0]])
        fusion.log_temperature.assign(np.log(0.5))
        self.assertAllClose(fusion(PAIR, mask=BOTH), [[1.4]])

    def test_a_learned_temperature_keeps_the_contract(self):
        inputs = {"vectors": PAIR, "mask": BOTH}
        self.run_layer_test(lambda: GatedFusion(["t", "g"], temperature=None), inputs, (1, 1))

    def test_logits_beyond_float16_leave_weights(self):
        tf.keras.mixed_precision.set_global_policy("mixed_float16")
        try:
            fusion = gated()
            fusion.gate.set_weights([np.array([[1e6, 0], [0, 0], [0, 0], [0, 0]]), np.zeros([2])])
            self.assertAllEqual(fusion(PAIR, mask=BOTH), [[1.0]])
        finally:
            tf.keras.mixed_precision.set_global_policy("float32")

    def test_bad_options_are_refused(self):
        for options, reason in (
            ({"temperature": 0}, "temperature must be a number above 0. Received: 0"),
            ({"temperature": float("inf")}, "temperature must be a number above 0. Received: inf"),
            ({"temperature": "hot"}, "temperature must be a number above 0. Received: 'hot'"),
            ({"units": -1}, "units must be at least 0. Received: -1"),
            ({"dropout": 1}, "dropout must be from 0 to below 1. Received: 1"),
        ):
            with self.assertRaisesRegex(ConfigError, reason):
                FUSIONS.parse({"kind": "gated", **options}, names=["t"]).create(names=["t"])
