"""History encoders: one contract for all kinds, and the mean against worked examples."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tfmmrec.errors import ConfigError
from tfmmrec.layers.history import HISTORY_ENCODERS, HistoryItems, MeanHistoryEncoder
from tfmmrec.testing import TestCase

KINDS = [(kind,) for kind in HISTORY_ENCODERS.variants]
MASK = tf.constant([[True, True, True], [True, True, False], [False, False, False]])


def histories() -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=[3, 3, 4]), tf.float32)


class ReaderContractTest(TestCase, parameterized.TestCase):
    """What every encoder keeps."""

    @parameterized.parameters(KINDS)
    def test_layer(self, kind: str):
        self.run_layer_test(
            lambda: HISTORY_ENCODERS.parse({"kind": kind}).create(),
            {"history": histories(), "mask": MASK},
            (3, 4),
        )

    @parameterized.parameters(KINDS)
    def test_padding_does_not_affect_the_output(self, kind: str):
        encoder = HISTORY_ENCODERS.parse({"kind": kind}).create()
        other = tf.where(MASK[..., tf.newaxis], histories(), 1e6)
        self.assertAllClose(encoder(other, mask=MASK), encoder(histories(), mask=MASK))

    @parameterized.parameters(KINDS)
    def test_more_padding_has_no_effect(self, kind: str):
        encoder = HISTORY_ENCODERS.parse({"kind": kind}).create()
        wider = tf.pad(histories(), [[0, 0], [0, 2], [0, 0]])
        mask = tf.pad(MASK, [[0, 0], [0, 2]])
        self.assertAllClose(encoder(wider, mask=mask), encoder(histories(), mask=MASK))

    @parameterized.parameters(KINDS)
    def test_a_batch_of_one_is_a_row_of_a_batch(self, kind: str):
        encoder = HISTORY_ENCODERS.parse({"kind": kind}).create()
        whole = encoder(histories(), mask=MASK)
        for row in range(3):
            one = encoder(histories()[row : row + 1], mask=MASK[row : row + 1])
            self.assertAllClose(one, whole[row : row + 1])

    @parameterized.parameters(KINDS)
    def test_max_history(self, kind: str):
        self.assertEqual(
            HISTORY_ENCODERS.parse({"kind": kind, "max_history": 7}).create().max_history, 7
        )
        with self.assertRaisesRegex(ConfigError, "at least 1. Received: 0"):
            HISTORY_ENCODERS.parse({"kind": kind, "max_history": 0}).create()


CAUSAL = [(kind,) for kind, variant in HISTORY_ENCODERS.variants.items() if variant.is_causal]


class CausalReaderTest(TestCase, parameterized.TestCase):
    """What a encoder keeps that is trained at every place of a history."""

    @parameterized.parameters([*CAUSAL, ("mean",)])
    def test_a_position_equals_the_output_of_its_prefix(self, kind: str):
        encoder = HISTORY_ENCODERS.parse({"kind": kind}).create()
        history = histories()[:, :3]
        mask = tf.constant([[True, True, True], [True, False, True], [False, True, True]])
        positions = tf.where(mask)
        outputs = encoder(history, mask=mask, positions=positions)
        for (row, place), output in zip(positions.numpy(), outputs, strict=True):
            before = slice(0, place + 1)
            one = encoder(history[row : row + 1, before], mask=mask[row : row + 1, before])
            self.assertAllClose(output, one[0], atol=1e-5)

    @parameterized.parameters(CAUSAL)
    def test_order_matters(self, kind: str):
        encoder = HISTORY_ENCODERS.parse({"kind": kind}).create()
        turned = tf.reverse(histories(), axis=[1])[:1]
        difference = encoder(turned, mask=MASK[:1]) - encoder(histories()[:1], mask=MASK[:1])
        self.assertGreater(np.abs(difference).max(), 1e-3)

    @parameterized.parameters(CAUSAL)
    def test_leading_padding_has_no_effect(self, kind: str):
        encoder = HISTORY_ENCODERS.parse({"kind": kind, "max_history": 3}).create()
        wider = tf.pad(histories(), [[0, 0], [2, 0], [0, 0]])
        mask = tf.pad(MASK, [[0, 0], [2, 0]])
        self.assertAllClose(encoder(wider, mask=mask), encoder(histories(), mask=MASK), atol=1e-5)

    @parameterized.parameters(CAUSAL)
    def test_bad_options_are_refused(self, kind: str):
        for options, reason in (
            ({"units": 0}, "units must be"),
            ({"dropout": 1.0}, "dropout must"),
        ):
            with self.assertRaisesRegex(ConfigError, reason):
                HISTORY_ENCODERS.parse({"kind": kind, **options}).create()


class GruHistoryEncoderTest(TestCase):
    def test_it_equals_the_keras_gru(self):
        encoder = HISTORY_ENCODERS.parse({"kind": "gru", "units": 5}).create()
        encoder(histories(), mask=MASK)
        keras = tf.keras.layers.GRU(5, return_sequences=True)
        keras(histories())

        # Keras has the update gate first, and a bias for each of the two products.
        def in_order(weights: np.ndarray) -> np.ndarray:
            reset, update, candidate = np.split(weights, 3, axis=-1)
            return np.concatenate([update, reset, candidate], axis=-1)

        kernel, bias = encoder.input_gates.get_weights()
        kernel, recurrent = in_order(kernel), in_order(encoder.recurrent.numpy())
        keras.set_weights([kernel, recurrent, np.stack([in_order(bias), np.zeros(15)])])
        expected = encoder.output_layer(keras(2.0 * histories(), mask=MASK))  # the root of dim
        self.assertAllClose(
            encoder(histories(), mask=MASK, positions=tf.where(MASK)),
            tf.boolean_mask(expected, MASK),
            atol=1e-5,
        )


class MeanHistoryEncoderTest(TestCase):
    def test_without_the_hidden_layer_it_is_the_normalized_mean(self):
        encoder = MeanHistoryEncoder(units=3)
        history = tf.constant([[[3.0, 0.0], [3.0, 8.0], [50.0, 50.0]]])
        mask = tf.constant([[True, True, False]])
        encoder(history, mask=mask)
        encoder.output_layer.set_weights([np.zeros([3, 2]), np.zeros([2])])
        # ((3, 0) + (3, 8)) / 2 = (3, 4), whose length is 5.
        self.assertAllClose(encoder(history, mask=mask), [[0.6, 0.8]])
        # The output layer's bias is added to it.
        encoder.output_layer.set_weights([np.zeros([3, 2]), np.array([1.0, -1.0])])
        self.assertAllClose(encoder(history, mask=mask), [[1.6, -0.2]])

    def test_order_does_not_matter(self):
        encoder = MeanHistoryEncoder()
        mask = tf.constant([[True] * 3] * 3)
        turned = tf.reverse(histories(), axis=[1])
        self.assertAllClose(encoder(turned, mask=mask), encoder(histories(), mask=mask))

    def test_unknown_options_are_refused(self):
        with self.assertRaisesRegex(ConfigError, "query.depth: unknown key; mean takes dropout"):
            HISTORY_ENCODERS.parse({"kind": "mean", "depth": 2}).create()


class HistoryItemsTest(TestCase):
    def total_and_gradient(self, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        items = tf.reshape(tf.range(1000.0), [500, 2])  # the n-th item is (2n, 2n + 1)
        with tf.GradientTape() as tape:
            tape.watch(items)
            total = HistoryItems(items, tf.constant([[3, 1], [2, 3]])).total(mask)
            loss = tf.reduce_sum(total * [[1.0, 1.0], [10.0, 10.0]])
        return total, tape.gradient(loss, items)

    def test_items_are_summed_without_the_padding(self):
        total, gradient = self.total_and_gradient(tf.constant([[True, True], [False, True]]))
        # (6, 7) + (2, 3), and (6, 7).
        self.assertAllClose(total, [[8.0, 10.0], [6.0, 7.0]])
        self.assertAllClose(gradient[:4], [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [11.0, 11.0]])
        self.assertAllClose(gradient[4:], tf.zeros([496, 2]))

    def test_without_any_item_the_gradient_is_zero(self):
        """Not what the memory happened to hold."""
        for _ in range(5):
            freed = tf.fill([500, 2], 7.0) + 1.0
            del freed
            total, gradient = self.total_and_gradient(tf.zeros([2, 2], tf.bool))
            self.assertAllClose(total, tf.zeros([2, 2]))
            self.assertAllEqual(gradient, tf.zeros([500, 2]))
