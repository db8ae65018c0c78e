"""Weighted fusion: the worked example, renormalisation, refusal; and the contract of both kinds."""

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.errors import ConfigError
from tfmmrec.fusion import FUSIONS, ConcatFusion, WeightedFusion
from tfmmrec.testing import TestCase

NAMES = ["text", "image"]


class WeightedTest(TestCase):
    def test_the_worked_example(self) -> None:
        # u·t = 1·4 + 2·5 + 3·6 = 32 and u·g = 1·7 + 2·8 + 3·9 = 50; half of each is 41.
        fusion = WeightedFusion(NAMES, weights={"text": 0.5, "image": 0.5})
        vectors = tf.constant([[[4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]])
        item = fusion(vectors, mask=tf.constant([[True, True]]))
        self.assertAllClose(tf.linalg.matvec(item, [1.0, 2.0, 3.0]), [41.0])

    def test_what_is_present_shares_the_weight(self) -> None:
        fusion = WeightedFusion(["a", "b", "c"], weights={"a": 0.5, "b": 0.3, "c": 0.2})
        vectors = tf.constant([[[1.0], [10.0], [100.0]]] * 3)
        mask = tf.constant([[True, True, True], [False, True, True], [False, False, False]])
        # 0.5 + 3 + 20 = 23.5; without a, (3 + 20) / 0.5 = 46; with nothing, 0.
        self.assertAllClose(fusion(vectors, mask=mask), [[23.5], [46.0], [0.0]])

    def test_learned_weights_start_equal_and_move(self) -> None:
        fusion = WeightedFusion(NAMES)
        vectors, mask = tf.constant([[[1.0], [0.0]]]), tf.constant([[True, True]])
        self.assertAllClose(fusion(vectors, mask=mask), [[0.5]])
        with tf.GradientTape() as tape:
            loss = -tf.reduce_sum(fusion(vectors, mask=mask))
        gradient = tape.gradient(loss, fusion.trainable_variables)[0]
        # d(softmax₀)/d(logits) at equal logits is [1/4, −1/4], and the loss has a minus.
        self.assertAllClose(gradient, [-0.25, 0.25])


@pytest.mark.parametrize(
    "weights",
    [{"sound": 1.0}, {"text": -1.0}, {"text": 0.0}, {"text": "much"}, {"text": float("nan")}],
)
def test_bad_weights_are_refused(weights) -> None:
    with pytest.raises(ConfigError, match="weights"):
        FUSIONS.create({"kind": "weighted", "weights": weights}, names=NAMES)


class ContractTest(TestCase):
    """What every kind of fusion keeps."""

    def make(self, kind: str, **options):
        return FUSIONS.create({"kind": kind, **options}, names=NAMES)

    def inputs(self, batch: int):
        generator = tf.random.Generator.from_seed(3)
        mask = np.ones([batch, 2], bool)
        mask[0, 1] = False
        return {"vectors": generator.normal([batch, 2, 5]), "mask": tf.constant(mask)}

    def test_layer(self) -> None:
        for kind in FUSIONS.variants:
            self.run_layer_test(lambda kind=kind: self.make(kind), self.inputs(4), (4, 5))

    def test_absent_values_do_not_reach_the_output(self) -> None:
        for kind in FUSIONS.variants:
            layer, inputs = self.make(kind), self.inputs(3)
            before = layer(**inputs)
            noise = tf.constant(np.full([3, 2, 5], 7.0, np.float32))
            absent = ~inputs["mask"][..., tf.newaxis]
            inputs["vectors"] += tf.where(absent, noise, 0.0)
            self.assertAllClose(layer(**inputs), before)
            inputs["vectors"] += tf.where(absent, np.nan, 0.0)
            self.assertAllClose(layer(**inputs), before)

    def test_a_row_does_not_depend_on_its_batch(self) -> None:
        for kind in FUSIONS.variants:
            layer, inputs = self.make(kind), self.inputs(3)
            whole = layer(**inputs)
            single = layer(**{name: value[:1] for name, value in inputs.items()})
            self.assertAllClose(single, whole[:1])

    def test_unknown_options_are_named(self) -> None:
        with self.assertRaisesRegex(ConfigError, "fusion.unit: unknown key"):
            self.make("concat", unit=3)
        with self.assertRaisesRegex(ConfigError, "unknown kind 'sum'"):
            self.make("sum")

    def test_concat_tells_absent_from_zero(self) -> None:
        layer = ConcatFusion(NAMES, dropout=0.0)
        zeros = tf.zeros([1, 2, 5])
        present = layer(zeros, mask=tf.constant([[True, True]]))
        absent = layer(zeros, mask=tf.constant([[True, False]]))
        self.assertNotAllClose(present, absent)
