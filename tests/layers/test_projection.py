"""Projections: standardization and embedding against worked examples, and the contract."""

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.normalization import Standardize
from tfmmrec.layers.projection import Projection
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.modalities import Text
from tfmmrec.testing import TestCase


class ProjectionTest(TestCase):
    def test_layers(self):
        inputs = tf.constant(np.random.default_rng(0).normal(size=[3, 6]), tf.float32)
        self.run_layer_test(Standardize, {"inputs": inputs}, (3, 6))
        self.run_layer_test(lambda: Projection(4, units=8), {"inputs": inputs}, (3, 4))
        # Three rows of two, one and no vector.
        several = tf.stack([inputs, inputs * [[1.0], [0.0], [1.0]]], axis=1) * [
            [[1.0]],
            [[1.0]],
            [[0.0]],
        ]
        self.run_layer_test(Standardize, {"inputs": several}, (3, 6))
        self.run_layer_test(lambda: Projection(4, units=8), {"inputs": several}, (3, 4))
        entries = tf.constant([[2, 3, 0], [1, 0, 0], [0, 0, 0]])
        self.run_layer_test(lambda: Projection(4, vocabulary_size=5), {"inputs": entries}, (3, 4))

    def test_unit_length(self):
        # The length of (3, 4) is 5; a zero vector stays zero, and its gradient is finite.
        vectors = tf.constant([[3.0, 4.0], [0.0, 0.0]])
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            unit = unit_length(vectors)
        self.assertAllClose(unit, [[0.6, 0.8], [0.0, 0.0]])
        self.assertAllInRange(tape.gradient(unit, vectors), -1e7, 1e7)

    def test_float16_keeps_short_vectors_and_components_of_low_variance(self):
        # The epsilon of 1e-12 is 0 in float16, and so would be the zero vector's divisor.
        unit = unit_length(tf.constant([[0.0, 0.0], [300.0, 400.0]], tf.float16))
        self.assertAllClose(unit, [[0.0, 0.0], [0.6, 0.8]], atol=1e-3)
        layer = Standardize(dtype="mixed_float16")
        rows = np.array([[1e-7, 5.0], [3e-7, 5.0]], np.float32)
        layer(rows)
        layer.fit([rows])
        # Mean 5 and deviations 1e-7 and 0, floor 1e-9: the scales are beyond 65504.
        self.assertAllInRange(layer(tf.constant([[2e-7, 5.0]])), -1.0, 1.0)

    def test_embeddings_have_length_one(self):
        vectors = Projection(4)(100.0 * tf.random.stateless_normal([3, 6], [0, 0]))
        self.assertAllClose(tf.norm(vectors, axis=1), [1.0, 1.0, 1.0])
        # A row without categories has no direction.
        vectors = Projection(4, vocabulary_size=5)(tf.constant([[2, 3], [0, 0]]))
        self.assertAllClose(tf.norm(vectors, axis=1), [1.0, 0.0])

    def test_standardize_removes_mean_and_deviation(self):
        layer = Standardize()
        rows = np.array([[0.0, 10.0], [2.0, 30.0], [4.0, 20.0], [2.0, 20.0]], np.float32)
        # As it is built it changes nothing.
        self.assertAllClose(layer(rows), rows)
        layer.fit([rows])
        # Means 2 and 20; variances (4 + 0 + 4 + 0) / 4 = 2 and (100 + 100) / 4 = 50.
        # (0 - 2) / sqrt 2 = -sqrt 2 and (10 - 20) / sqrt 50 = -sqrt 2.
        root = 2.0**0.5
        self.assertAllClose(layer(rows), [[-root, -root], [0.0, root], [root, 0.0], [0.0, 0.0]])

    def test_a_constant_component_stays_small(self):
        layer = Standardize()
        rows = np.array([[0.0, 7.0], [2.0, 7.0]], np.float32)
        layer(rows)
        layer.fit([rows])
        # Deviations 1 and 0, mean 0.5, floor 0.0005: (7.0005 - 7) / 0.0005 = 1, not millions.
        self.assertAllClose(layer(np.array([[1.0, 7.0005]], np.float32)), [[0.0, 1.0]], atol=2e-3)
        before = layer.get_weights()
        layer.fit([np.zeros([0, 2], np.float32)])
        self.assertAllEqual(layer.get_weights(), before)

    def test_fit_reads_present_rows_only(self):
        outputs = np.array([[1.0], [3.0], [1000.0]], np.float32)
        projection = Projection(4)
        projection.fit(Encodings(outputs, np.array([True, True, False])))
        # Mean (1 + 3) / 2 = 2, deviation 1.
        self.assertAllClose(projection.standardize.mean, [2.0])
        self.assertAllClose(projection.standardize.scale, [1.0])
        projection(outputs)
        self.assertAllClose(projection.standardize.mean, [2.0])

    def test_several_vectors_are_standardised_and_pooled(self):
        outputs = np.zeros([4, 2, 2], np.float32)
        outputs[0] = [[0.0, 10.0], [2.0, 30.0]]
        outputs[1, 0] = [4.0, 20.0]
        outputs[2, 1] = [2.0, 20.0]
        encoded = Encodings(outputs, np.array([True, True, True, False]))
        self.assertAllEqual(encoded.sample(9), [[0, 10], [2, 30], [4, 20], [2, 20]])
        projection = Projection(4)
        projection.fit(encoded)
        # The rows of the test above: ((-√2, -√2) + (0, √2)) / 2, then one vector each, then none.
        half, root = 2.0**-0.5, 2.0**0.5
        expected = [[-half, 0.0], [root, 0.0], [0.0, 0.0], [0.0, 0.0]]
        self.assertAllClose(projection.standardize(outputs), expected)
        # A query that looks along the first axis: the directions of row 0 give it -1/√2 and 0.
        projection.standardize.pool.set_weights([np.array([root * np.log(3.0), 0.0])])
        # exp(-ln 3) : exp(0) = 1 : 3, so a quarter of (-√2, -√2) and three of (0, √2).
        self.assertAllClose(projection.standardize(outputs)[0], [-root / 4, root / 2])
        compiled = tf.function(projection, jit_compile=True)
        self.assertAllClose(compiled(tf.constant(outputs)), projection(outputs))

    def test_categories_are_averaged_without_the_padding(self):
        projection = Projection(2, vocabulary_size=4)
        projection(tf.constant([[1]]))
        projection.embedding.set_weights([np.array([[9, 9], [0, 8], [6, 0], [1, 1]], np.float32)])
        # ((0, 8) + (6, 0)) / 2 = (3, 4) of length 5; padding, row 0, does not count.
        self.assertAllClose(projection(tf.constant([[1, 2, 0]])), [[0.6, 0.8]])

    def test_info_of_an_encoder(self):
        class Vocabulary:
            size = 9

        encoded = Encodings(np.zeros([5, 3]), np.ones(5, bool))
        modality = Text()
        self.assertEqual(
            FeatureInfo.of("a", modality, object(), encoded), FeatureInfo("a", 3, 0, "text")
        )
        self.assertEqual(
            FeatureInfo.of("a", modality, Vocabulary(), encoded), FeatureInfo("a", 3, 9, "text")
        )
        several = Encodings(np.zeros([5, 4, 3]), np.ones(5, bool))
        self.assertEqual(
            FeatureInfo.of("a", modality, object(), several), FeatureInfo("a", 3, 0, "text", 4)
        )
