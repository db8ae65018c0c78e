"""Fusion: one contract for all kinds; weighted and concat fusion against worked examples."""

import keras_tuner
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import FUSIONS, Fusion, WeightedFusion
from tfmmrec.layers.masked_softmax import masked_softmax
from tfmmrec.testing import TestCase

NAMES = ["text", "image", "audio"]
KINDS = [(kind,) for kind in FUSIONS.variants]


def vectors(batch: int = 4) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=[batch, 3, 5]), tf.float32)


MASK = tf.constant(
    [[True, True, True], [True, False, True], [False, False, True], [False, False, False]]
)


def create(kind: str, names: list[str] = NAMES) -> Fusion:
    """A fusion whose weights say something: some are zeros until they are trained."""
    fusion = FUSIONS.parse({"kind": kind}, names=names).create(names=names)
    fusion(tf.zeros([1, len(names), 5]), mask=tf.ones([1, len(names)], tf.bool))
    rng = np.random.default_rng(1)
    fusion.set_weights([w + rng.normal(scale=0.2, size=w.shape) for w in fusion.get_weights()])
    return fusion


def width(kind: str) -> int:
    return 5 * create(kind).num_blocks


class FusionContractTest(TestCase, parameterized.TestCase):
    """What every kind of fusion keeps."""

    @parameterized.parameters(KINDS)
    def test_layer(self, kind: str):
        self.run_layer_test(
            lambda: create(kind), {"vectors": vectors(), "mask": MASK}, (4, width(kind))
        )

    @parameterized.parameters(KINDS)
    def test_missing_features_do_not_affect_the_output(self, kind: str):
        fusion = create(kind)
        expected = fusion(vectors(), mask=MASK)
        for value in (1e6, float("nan"), float("inf")):
            other = tf.where(MASK[..., tf.newaxis], vectors(), value)
            self.assertAllEqual(fusion(other, mask=MASK), expected)

    @parameterized.parameters(KINDS)
    def test_present_features_affect_the_output(self, kind: str):
        fusion = create(kind)
        mask = tf.constant([[True, True, True]])
        before = fusion(vectors(1), mask=mask)
        for place in range(3):
            changed = vectors(1) + tf.one_hot(place, 3)[tf.newaxis, :, tf.newaxis]
            self.assertNotAllClose(fusion(changed, mask=mask), before)

    @parameterized.parameters(KINDS)
    def test_a_batch_of_one_is_a_row_of_a_batch(self, kind: str):
        fusion = create(kind)
        whole = fusion(vectors(), mask=MASK)
        for row in range(4):
            one = fusion(vectors()[row : row + 1], mask=MASK[row : row + 1])
            self.assertAllClose(one, whole[row : row + 1])

    @parameterized.parameters(KINDS)
    def test_missing_modalities_get_no_gradient(self, kind: str):
        fusion = create(kind)
        given = vectors()
        with tf.GradientTape() as tape:
            tape.watch(given)
            output = tf.reduce_sum(fusion(given, mask=MASK) ** 2)
        reached = tf.reduce_any(tape.gradient(output, given) != 0.0, axis=-1)
        self.assertAllEqual(reached, MASK)

    @parameterized.parameters(KINDS)
    def test_rows_without_features_have_finite_outputs_and_gradients(self, kind: str):
        fusion = create(kind)
        nothing = tf.zeros([2, 3], tf.bool)
        with tf.GradientTape() as tape:
            output = fusion(tf.fill([2, 3, 5], float("nan")), mask=nothing, training=True)
            loss = tf.reduce_sum(tf.square(output - 0.5))
        self.assertAllInRange(output, -1e3, 1e3)
        for gradient in tape.gradient(loss, fusion.trainable_variables):
            self.assertAllInRange(gradient, -1e3, 1e3)

    @parameterized.parameters(KINDS)
    def test_one_feature_alone(self, kind: str):
        fusion = create(kind, ["text"])
        given, mask = vectors()[:2, :1], tf.constant([[True], [False]])
        output = fusion(given, mask=mask)
        self.assertEqual(output.shape, [2, 5])
        if kind in ("weighted", "gated"):
            # The one weight there is has to be 1.
            self.assertAllClose(output, [given[0, 0], tf.zeros([5])])
        else:
            self.assertNotAllClose(fusion(given + 1.0, mask=mask)[0], output[0])

    @parameterized.parameters(KINDS)
    def test_features_are_in_the_order_of_names(self, kind: str):
        names, order = list("abcdef"), [3, 0, 5, 1, 4, 2]
        given = tf.constant(np.random.default_rng(2).normal(size=[2, 6, 5]), tf.float32)
        mask = tf.constant([[True] * 6, [True, False, True, True, False, False]])
        fusion = create(kind, names)
        turned = create(kind, [names[place] for place in order])
        turned.set_weights([reordered(weight, order) for weight in fusion.get_weights()])
        other = turned(tf.gather(given, order, axis=1), mask=tf.gather(mask, order, axis=1))
        output = fusion(given, mask=mask)
        if fusion.num_blocks > 1:
            blocks = tf.reshape(output, [2, 6, 5])
            output = tf.reshape(tf.gather(blocks, order, axis=1), [2, 30])
        self.assertAllClose(other, output, atol=1e-5)
        restored = type(turned).from_config(turned.get_config())
        self.assertEqual(list(restored.names), list("dafbec"))

    @parameterized.parameters(KINDS)
    def test_a_draw_of_the_search_space_builds_a_fusion(self, kind: str):
        hp = keras_tuner.HyperParameters()
        options = FUSIONS.variants[kind].search_space(hp, NAMES)
        fusion = FUSIONS.parse({"kind": kind, **options}, names=NAMES).create(names=NAMES)
        self.assertEqual(fusion(vectors(), mask=MASK).shape, [4, 5 * fusion.num_blocks])
        self.assertNotEmpty(hp.values)
        # A second draw of the same trial says the same.
        self.assertEqual(FUSIONS.variants[kind].search_space(hp, NAMES), options)

    def test_kinds_share_no_hyperparameter(self):
        spaces = []
        for variant in FUSIONS.variants.values():
            hp = keras_tuner.HyperParameters()
            variant.search_space(hp, NAMES)
            spaces += list(hp.values)
        self.assertLen(set(spaces), len(spaces))


def reordered(weight: np.ndarray, order: list[int]) -> np.ndarray:
    """A weight of a fusion of six features of five components, as it is for another order."""
    if weight.ndim == 2 and len(weight) == 36:
        # What reads the vectors side by side, and the mask behind them.
        rows = [5 * place + component for place in order for component in range(5)]
        return weight[rows + [30 + place for place in order]][:, _axis(weight, 1, order)]
    for axis in range(weight.ndim):
        weight = np.take(weight, _axis(weight, axis, order), axis=axis)
    return weight


def _axis(weight: np.ndarray, axis: int, order: list[int]) -> list[int]:
    return order if weight.shape[axis] == 6 else list(range(weight.shape[axis]))


class FusionTest(TestCase):
    """What the base class gives to the kinds."""

    mask = tf.constant([[True, False], [False, True]])

    def test_fill_missing_keeps_present_embeddings(self):
        pair = tf.constant([[[1.0], [np.nan]], [[np.inf], [4.0]]])
        fusion = Fusion(["t", "g"])
        self.assertAllEqual(fusion.fill_missing(pair, self.mask), [[[1.0], [0.0]], [[0.0], [4.0]]])
        fusion.add_missing_embeddings(1)
        self.assertAllEqual(fusion.fill_missing(pair, self.mask), [[[1.0], [0.0]], [[0.0], [4.0]]])
        fusion.missing_embeddings.assign([[7.0], [8.0]])
        self.assertAllEqual(fusion.fill_missing(pair, self.mask), [[[1.0], [8.0]], [[7.0], [4.0]]])

    def test_a_missing_embedding_gets_gradients_where_its_feature_is_missing(self):
        fusion = Fusion(["t", "g"])
        fusion.add_missing_embeddings(1)
        pair = tf.constant([[[1.0], [np.nan]], [[np.nan], [4.0]]])
        with tf.GradientTape() as tape:
            filled = fusion.fill_missing(pair, tf.constant([[True, False], [True, True]]))
            loss = tf.reduce_sum(filled[0])
        self.assertAllEqual(tape.gradient(loss, fusion.missing_embeddings), [[0.0], [1.0]])

    def test_masked_softmax(self):
        logits = tf.constant([[0.0, np.log(3.0), 50.0]])
        # exp 0 : exp log 3 = 1 : 3.
        mask = tf.constant([[True, True, False]])
        self.assertAllClose(masked_softmax(logits, mask), [[0.25, 0.75, 0.0]])
        self.assertAllEqual(masked_softmax(logits, tf.zeros([1, 3], tf.bool)), [[0.0, 0.0, 0.0]])
        # 120000 lies between the largest and the smallest, more than float16 holds.
        large = tf.constant([[60000.0, 0.0, -60000.0]], tf.float16)
        self.assertAllEqual(masked_softmax(large, tf.ones([1, 3], tf.bool)), [[1.0, 0.0, 0.0]])
        self.assertAllEqual(
            masked_softmax(large, tf.constant([[False, False, True]])), [[0.0, 0.0, 1.0]]
        )


class WeightedFusionTest(TestCase):
    """The score is a convex combination of the scores of the modalities."""

    user = tf.constant([1.0, 2.0, 3.0])
    pair = tf.constant([[[4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]])

    def score(self, weights: dict, mask: list[bool]) -> float:
        fusion = WeightedFusion(["t", "g"], weights=weights)
        return float(tf.tensordot(self.user, fusion(self.pair, mask=tf.constant([mask]))[0], 1))

    def test_worked_example(self):
        # u.t = 1*4 + 2*5 + 3*6 = 32 and u.g = 1*7 + 2*8 + 3*9 = 50.
        # 0.5 * 32 + 0.5 * 50 = 41
        self.assertAllClose(self.score({"t": 0.5, "g": 0.5}, [True, True]), 41.0)
        # 0.25 * 32 + 0.75 * 50 = 8 + 37.5 = 45.5
        self.assertAllClose(self.score({"t": 0.25, "g": 0.75}, [True, True]), 45.5)

    def test_weights_are_scaled_to_sum_to_one(self):
        # 1 : 3 is 0.25 : 0.75, 45.5 again.
        self.assertAllClose(self.score({"t": 1, "g": 3}, [True, True]), 45.5)
        # What is left out weighs nothing.
        self.assertAllClose(self.score({"g": 3}, [True, True]), 50.0)

    def test_weights_sum_to_one_over_present_features(self):
        self.assertAllClose(self.score({"t": 0.25, "g": 0.75}, [True, False]), 32.0)
        self.assertAllClose(self.score({"t": 0.25, "g": 0.75}, [False, True]), 50.0)
        self.assertAllClose(self.score({"t": 0.25, "g": 0.75}, [False, False]), 0.0)
        # Only what weighs nothing is present: no direction, and no division by zero.
        self.assertAllClose(self.score({"g": 1.0}, [True, False]), 0.0)
        # Of weights 1 : 1 : 2 the first and last are left: (1/3) * 3 + (2/3) * 6 = 5.
        fusion = WeightedFusion(NAMES, weights={"text": 1, "image": 1, "audio": 2})
        values = tf.constant([[[3.0], [100.0], [6.0]]])
        self.assertAllClose(fusion(values, mask=tf.constant([[True, False, True]])), [[5.0]])

    def test_learned_weights_start_equal_and_follow_the_logits(self):
        fusion = WeightedFusion(["t", "g"])
        mask = tf.constant([[True, True]])
        # (4 + 7) / 2, (5 + 8) / 2, (6 + 9) / 2
        self.assertAllClose(fusion(self.pair, mask=mask), [[5.5, 6.5, 7.5]])
        # The softmax of 0 and log 3 is 1/4 and 3/4: 4/4 + 21/4 = 6.25.
        fusion.weighing.logits.assign([0.0, np.log(3.0)])
        self.assertAllClose(fusion.current_weights(), [0.25, 0.75])
        self.assertAllClose(fusion(self.pair, mask=mask), [[6.25, 7.25, 8.25]])

    def test_fixed_weights_are_by_name(self):
        # 0.25 * 4 + 0.75 * 7 = 6.25, in whatever order the names and the weights stand.
        mask = tf.constant([[True, True]])
        for names, pair in ((["t", "g"], self.pair), (["g", "t"], self.pair[:, ::-1])):
            for weights in ({"t": 0.25, "g": 0.75}, {"g": 0.75, "t": 0.25}):
                fusion = WeightedFusion(names, weights=weights)
                self.assertAllClose(fusion(pair, mask=mask), [[6.25, 7.25, 8.25]])

    def test_fixed_weights_are_not_trained(self):
        fusion = WeightedFusion(["t", "g"], weights={"t": 1.0})
        fusion(self.pair, mask=tf.constant([[True, True]]))
        self.assertEmpty(fusion.trainable_variables)

    def test_bad_weights_are_refused(self):
        for weights, reason in (
            ({"texts": 1.0}, "weights.texts: no such feature"),
            ({"text": -1}, "at least 0. Received: -1"),
            ({"text": float("nan")}, "at least 0. Received: nan"),
            ({"text": float("inf")}, "at least 0. Received: inf"),
            ({"text": "much"}, "must be a number. Received: 'much'"),
            ({"text": True}, "must be a number. Received: True"),
            ({"text": 0.0, "image": 0}, "must not all be 0"),
            ({}, "must not all be 0"),
        ):
            with self.assertRaisesRegex(ConfigError, reason):
                FUSIONS.parse({"kind": "weighted", "weights": weights}, names=NAMES).create(
                    names=NAMES
                )

    def test_search_space_draws_a_weight_per_feature(self):
        hp = keras_tuner.HyperParameters()
        self.assertEqual(WeightedFusion.search_space(hp, NAMES), {"weights": None})
        key = "fusion.weighted.weights"
        hp.values = {key: "searched", f"{key}.text": 0.5, f"{key}.image": 0.2, f"{key}.audio": 0.0}
        drawn = WeightedFusion.search_space(hp, NAMES)["weights"]
        self.assertEqual(drawn, {"text": 0.5, "image": 0.2, "audio": 0.0})
        # A trial that draws all zeros still gives weights that can be used.
        hp.values = {key: "searched", **{f"{key}.{name}": 0.0 for name in NAMES}}
        drawn = WeightedFusion.search_space(hp, NAMES)["weights"]
        self.assertEqual(drawn, {"text": 1.0, "image": 1.0, "audio": 1.0})


class ConcatFusionTest(TestCase):
    def test_worked_example(self):
        fusion = FUSIONS.parse({"kind": "concat", "units": 0}, names=["t", "g"]).create(
            names=["t", "g"]
        )
        pair, mask = tf.constant([[[1.0], [10.0]]] * 2), tf.constant([[True, True], [True, False]])
        fusion(pair, mask=mask)
        fusion.set_weights([np.array([[2.0], [3.0], [5.0], [7.0]]), np.array([1.0])])
        # t, g and the mask: 2 * 1 + 3 * 10 + 5 * 1 + 7 * 1 + 1 = 45;
        # without g: 2 * 1 + 3 * 0 + 5 * 1 + 7 * 0 + 1 = 8.
        self.assertAllClose(fusion(pair, mask=mask), [[45.0], [8.0]])

    def test_learned_missing_embeddings_replace_missing_features(self):
        fusion = FUSIONS.parse(
            {"kind": "concat", "units": 0, "learned_missing_embedding": True}, names=["t", "g"]
        ).create(names=["t", "g"])
        pair, mask = tf.constant([[[1.0], [10.0]]] * 2), tf.constant([[True, True], [True, False]])
        fusion(pair, mask=mask)
        fusion.mix.set_weights([np.array([[2.0], [3.0], [5.0], [7.0]]), np.array([1.0])])
        self.assertAllClose(fusion(pair, mask=mask), [[45.0], [8.0]])
        fusion.missing_embeddings.assign([[9.0], [4.0]])
        # Without g: 2 * 1 + 3 * 4 + 5 * 1 + 7 * 0 + 1 = 20.
        self.assertAllClose(fusion(pair, mask=mask), [[45.0], [20.0]])

    def test_missing_and_zero_differ(self):
        fusion = create("concat")
        zero = tf.zeros([2, 3, 5])
        output = fusion(zero, mask=tf.constant([[True, True, True], [True, True, False]]))
        self.assertNotAllClose(output[0], output[1])

    def test_without_units_it_is_linear(self):
        fusion = FUSIONS.parse({"kind": "concat", "units": 0}, names=["t", "g"]).create(
            names=["t", "g"]
        )
        mask = tf.constant([[True, True]])
        first = tf.constant([[[1.0, 2.0], [3.0, 4.0]]])
        zero = fusion(tf.zeros([1, 2, 2]), mask=mask)
        # An affine map: f(2x) - f(0) = 2 (f(x) - f(0)).
        self.assertAllClose(
            fusion(2.0 * first, mask=mask) - zero, 2.0 * (fusion(first, mask=mask) - zero)
        )
        # Two vectors of two and two places of the mask, times two, and two biases: 6 * 2 + 2.
        self.assertEqual(fusion.count_params(), 14)

    def test_bad_options_are_refused(self):
        for options, reason in (
            ({"units": -1}, "units must be at least 0. Received: -1"),
            ({"dropout": 1.0}, "dropout must be from 0 to below 1. Received: 1.0"),
            (
                {"width": 3},
                "fusion.width: unknown key; concat takes dropout, learned_missing_embedding, units",
            ),
            ({"units": 1.5}, "units must be a whole number. Received: 1.5"),
            ({"units": True}, "units must be a whole number. Received: True"),
            ({"dropout": "some"}, "dropout must be from 0 to below 1. Received: 'some'"),
            (
                {"learned_missing_embedding": "no"},
                "learned_missing_embedding must be true or false. Received: 'no'",
            ),
        ):
            with self.assertRaisesRegex(ConfigError, reason):
                FUSIONS.parse({"kind": "concat", **options}, names=NAMES).create(names=NAMES)

    def test_unknown_kinds_are_refused(self):
        with self.assertRaisesRegex(ConfigError, "unknown kind 'sum'; there are .*weighted"):
            FUSIONS.parse({"kind": "sum"}, names=NAMES).create(names=NAMES)
