"""Pooling against worked examples, and the layers' contract."""

import doctest
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.layers import pooling
from tfmmrec.layers.pooling import AttentionPool, MeanPool, ModalityGroups
from tfmmrec.testing import TestCase

NAMES = ["title", "poster", "plot", "year"]
KINDS = {"title": "text", "poster": "image", "plot": "text", "year": "number", "other": "audio"}
NAN = float("nan")


@tf.keras.utils.register_keras_serializable("tests")
class Pooled(ModalityGroups):
    """The vectors alone, for the contract of layers of one output."""

    def call(self, vectors: tf.Tensor, mask: tf.Tensor) -> Any:
        return super().call(vectors, mask)[0]


def random_inputs(features: int) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(0)
    vectors = tf.constant(rng.normal(size=[5, features, 3]), tf.float32)
    mask = np.array(rng.uniform(size=[5, features]) < 0.6)
    mask[0], mask[1] = True, False
    return {"vectors": vectors, "mask": tf.constant(mask)}


class PoolTest(TestCase):
    def test_layers(self):
        self.run_layer_test(AttentionPool, random_inputs(4), (5, 3))
        self.run_layer_test(MeanPool, random_inputs(4), (5, 3))
        for pool in ("mean", "attention"):
            make = lambda pool=pool: Pooled(NAMES, KINDS, pool=pool)  # noqa: E731
            self.run_layer_test(make, random_inputs(4), (5, 3, 3))

    def test_examples(self):
        self.assertEqual(doctest.testmod(pooling).failed, 0)

    def test_attention_starts_as_the_mean(self):
        vectors = tf.constant([[[1.0, 2.0], [3.0, 6.0], [NAN, NAN]], [[NAN, 1.0]] * 3])
        mask = tf.constant([[True, True, False], [False] * 3])
        for layer in (AttentionPool(), MeanPool()):
            # (1 + 3) / 2 and (2 + 6) / 2; nothing.
            self.assertAllClose(layer(vectors, mask), [[2.0, 4.0], [0.0, 0.0]])

    def test_the_query_weights_directions(self):
        layer = AttentionPool()
        vectors = tf.constant([[[5.0, 0.0], [0.0, 0.5], [0.0, 7.0]]])
        mask = tf.constant([[True, True, False]])
        layer(vectors, mask)
        layer.set_weights([np.array([np.log(3.0), 0.0])])
        # The directions (1, 0) and (0, 1) give ln 3 and 0: exp of them is 3 : 1.
        self.assertAllClose(layer.weights_of(vectors, mask), [[0.75, 0.25, 0.0]])
        self.assertAllClose(layer(vectors, mask), [[3.75, 0.125]])
        # Ten times as long, and weighed alike.
        self.assertAllClose(layer(10.0 * vectors, mask), [[37.5, 1.25]])
        layer.set_weights([np.array([-200.0, 0.0])])
        self.assertAllClose(layer(vectors, mask), [[0.0, 0.5]])

    def test_it_learns_which_vector_matters(self):
        # What is wanted is the vector that points along the first axis, wherever it stands.
        rng = np.random.default_rng(0)
        wanted = rng.integers(0, 3, 64)
        vectors = rng.normal(size=[64, 3, 4]).astype(np.float32)
        vectors[..., 0] = -1.0
        vectors[np.arange(64), wanted, 0] = 1.0
        target = tf.constant(vectors[np.arange(64), wanted])
        layer, optimizer = AttentionPool(), tf.keras.optimizers.Adam(0.3)
        mask = tf.ones([64, 3], tf.bool)
        for _ in range(60):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(layer(vectors, mask) - target))
            optimizer.minimize(loss, layer.trainable_variables, tape=tape)
        weights = layer.weights_of(tf.constant(vectors), mask).numpy()
        self.assertAllEqual(weights.argmax(axis=1), wanted)

    def test_the_order_of_values_does_not_matter(self):
        inputs = random_inputs(4)
        layer = AttentionPool()
        layer(**inputs)
        layer.set_weights([np.array([1.0, -2.0, 0.5])])
        turned = {name: tf.reverse(value, [1]) for name, value in inputs.items()}
        self.assertAllClose(layer(**turned), layer(**inputs))

    def test_everything_compiles(self):
        inputs = random_inputs(4)
        for layer in (AttentionPool(), MeanPool(), Pooled(NAMES, KINDS)):
            expected = layer(**inputs)
            compiled = tf.function(layer, jit_compile=True)
            self.assertAllClose(compiled(**inputs), expected)


class ModalityGroupsTest(TestCase):
    def test_features_of_a_modality_are_pooled(self):
        vectors = tf.constant(
            [[[2.0], [5.0], [4.0], [NAN]], [[2.0], [NAN], [NAN], [6.0]], [[NAN]] * 4]
        )
        mask = tf.constant([[True, True, True, False], [True, False, False, True], [False] * 4])
        for pool in ("mean", "attention"):
            layer = ModalityGroups(NAMES, KINDS, pool=pool)
            self.assertEqual(layer.groups, ["text", "image", "number"])
            pooled, here = layer(vectors, mask)
            # (2 + 4) / 2, 5, nothing; 2 alone, nothing, 6; nothing at all.
            expected = [[[3.0], [5.0], [0.0]], [[2.0], [0.0], [6.0]], [[0.0]] * 3]
            self.assertAllClose(pooled, expected)
            self.assertAllEqual(here, [[True, True, False], [True, False, True], [False] * 3])

    def test_only_modalities_of_several_features_have_a_query(self):
        layer = ModalityGroups(NAMES, KINDS)
        layer(**random_inputs(4))
        self.assertEqual([tuple(v.shape) for v in layer.trainable_variables], [(3,)])
        self.assertEqual(layer.get_config()["kinds"], {name: KINDS[name] for name in NAMES})

    def test_single_features_are_not_changed(self):
        inputs = random_inputs(3)
        layer = ModalityGroups(["a", "b", "c"], {"a": "x", "b": "y", "c": "z"})
        pooled, here = layer(**inputs)
        expected = tf.where(inputs["mask"][..., tf.newaxis], inputs["vectors"], 0.0)
        self.assertAllClose(pooled, expected)
        self.assertAllEqual(here, inputs["mask"])

    def test_bad_arguments_are_refused(self):
        with self.assertRaisesRegex(ValueError, "kinds: b has none; there are a"):
            ModalityGroups(["a", "b"], {"a": "text"})
        with self.assertRaisesRegex(ValueError, "one of mean, attention. Received: 'max'"):
            ModalityGroups(["a"], {"a": "text"}, pool="max")
