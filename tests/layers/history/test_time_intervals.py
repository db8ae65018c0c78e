"""Time intervals: buckets by hand, and the contract of history encoders that read them."""

from typing import Any

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from tfmmrec.errors import ConfigError
from tfmmrec.layers.history import HISTORY_ENCODERS, HistoryEncoder, MeanHistoryEncoder
from tfmmrec.layers.history.time_intervals import ages, interval_buckets, previous_intervals
from tfmmrec.testing import TestCase

START = 1_600_000_000
MASK = tf.constant([[True, True, True], [True, False, True], [False, False, False]])
# What stands beside the mask is no time of an item.
TIMES = tf.constant([[0, 5, 95], [0, 999, 3600], [7, 7, 7]], tf.int64) + START


class GapsTest(TestCase):
    def test_buckets_double_in_width(self):
        # Below 0 nothing is known. 2^k seconds open the bucket k + 2: 60 lies from 32 = 2^5 on,
        # a day of 86,400 from 65,536 = 2^16 on; 2^29 opens the last.
        seconds = [[-1, 0, 1, 2, 3], [4, 31, 32, 60, 63], [86_400, 2**29 - 1, 2**29, 2**40, 7]]
        buckets = [[0, 1, 2, 3, 3], [4, 6, 7, 7, 7], [18, 30, 31, 31, 4]]
        self.assertAllEqual(interval_buckets(tf.constant(seconds, tf.int64)), buckets)

    def test_an_interval_is_the_time_since_the_previous_item(self):
        self.assertAllEqual(
            previous_intervals(TIMES, MASK), [[-1, 5, 90], [-1, -1, 3600], [-1, -1, -1]]
        )

    def test_unknown_times_have_no_interval_and_intervals_are_not_negative(self):
        times = tf.constant([[50, 0, 70, 60, -1]], tf.int64)
        self.assertAllEqual(
            previous_intervals(times, tf.ones([1, 5], tf.bool)), [[-1, -1, -1, 0, -1]]
        )

    def test_an_age_is_the_time_until_the_newest_item(self):
        self.assertAllEqual(ages(TIMES, MASK), [[95, 90, 0], [3600, -1, 0], [-1, -1, -1]])
        times = tf.constant([[50, 0, 70, 60, -1]], tf.int64)
        self.assertAllEqual(ages(times, tf.ones([1, 5], tf.bool)), [[20, -1, 0, 10, -1]])


def histories() -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=[3, 3, 4]), tf.float32)


def create(kind: str, **options: Any) -> HistoryEncoder:
    """A history encoder with nonzero weights of time intervals, as after training."""
    encoder = HISTORY_ENCODERS.parse({"kind": kind, "time_intervals": True, **options}).create()
    encoder(histories(), mask=MASK, times=TIMES)
    weight = encoder.recency if kind == "mean" else encoder.interval_embeddings
    weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    return encoder


KINDS = [("mean",), ("gru",), ("transformer",)]


class GapsContractTest(TestCase, parameterized.TestCase):
    """The contract of history encoders that read time intervals."""

    # The transformer reads intervals as the GRU does, and XLA takes five seconds for it.
    @parameterized.parameters(KINDS[:2])
    def test_layer(self, kind: str):
        inputs = {"history": histories(), "mask": MASK, "times": TIMES}
        self.run_layer_test(
            lambda: HISTORY_ENCODERS.parse({"kind": kind, "time_intervals": True}).create(),
            inputs,
            (3, 4),
        )

    @parameterized.parameters(KINDS)
    def test_it_starts_as_without_time_intervals(self, kind: str):
        encoder, plain = (
            HISTORY_ENCODERS.parse({"kind": kind, "time_intervals": True}).create(),
            HISTORY_ENCODERS.parse({"kind": kind}).create(),
        )
        begun = encoder(histories(), mask=MASK, times=TIMES)
        plain(histories(), mask=MASK)
        of_gaps = ("recency", "interval_embeddings")
        kept = [w for w in encoder.weights if not any(name in w.name for name in of_gaps)]
        plain.set_weights([weight.numpy() for weight in kept])
        self.assertAllClose(begun, plain(histories(), mask=MASK))

    @parameterized.parameters(KINDS)
    def test_intervals_matter_and_absolute_times_do_not(self, kind: str):
        encoder = create(kind)
        one = encoder(histories(), mask=MASK, times=TIMES)
        self.assertAllClose(encoder(histories(), mask=MASK, times=TIMES + 10_000), one)
        other = encoder(histories(), mask=MASK, times=TIMES * tf.constant([1, 1, 2], tf.int64))
        self.assertGreater(np.abs(other - one)[:2].max(), 1e-3)
        # Of the third row nothing is read.
        self.assertAllClose(other[2], one[2])

    @parameterized.parameters(KINDS)
    def test_times_at_padding_do_not_affect_the_output(self, kind: str):
        encoder = create(kind)
        other = tf.where(MASK, TIMES, 2 * START)
        one = encoder(histories(), mask=MASK, times=TIMES)
        self.assertAllClose(encoder(histories(), mask=MASK, times=other), one)

    @parameterized.parameters(KINDS)
    def test_padding_on_either_side_has_no_effect(self, kind: str):
        encoder = create(kind, max_history=3)
        one = encoder(histories(), mask=MASK, times=TIMES)
        for sides in ([0, 2], [2, 0], [1, 1]):
            wider = tf.pad(histories(), [[0, 0], sides, [0, 0]])
            mask, times = (tf.pad(part, [[0, 0], sides]) for part in (MASK, TIMES))
            self.assertAllClose(encoder(wider, mask=mask, times=times), one, atol=1e-5)

    @parameterized.parameters(KINDS)
    def test_a_batch_of_one_is_a_row_of_a_batch(self, kind: str):
        encoder = create(kind)
        whole = encoder(histories(), mask=MASK, times=TIMES)
        for row in range(3):
            part = slice(row, row + 1)
            one = encoder(histories()[part], mask=MASK[part], times=TIMES[part])
            self.assertAllClose(one, whole[part])

    @parameterized.parameters(KINDS[1:])
    def test_a_position_equals_the_output_of_its_prefix(self, kind: str):
        encoder = create(kind)
        positions = tf.where(MASK)
        outputs = encoder(histories(), mask=MASK, times=TIMES, positions=positions)
        for (row, place), output in zip(positions.numpy(), outputs, strict=True):
            part = (slice(row, row + 1), slice(0, place + 1))
            one = encoder(histories()[part], mask=MASK[part], times=TIMES[part])
            self.assertAllClose(output, one[0], atol=1e-5)

    @parameterized.parameters(KINDS)
    def test_time_intervals_must_be_a_boolean(self, kind: str):
        with self.assertRaisesRegex(
            ConfigError, "time_intervals must be true or false. Received: 2"
        ):
            HISTORY_ENCODERS.parse({"kind": kind, "time_intervals": 2}).create()
        with self.assertRaisesRegex(
            ConfigError, "query.time_intervals: unknown key; id takes max_history"
        ):
            HISTORY_ENCODERS.parse({"kind": "id", "time_intervals": True}).create()


class MeanOfRecentItemsTest(TestCase):
    def test_older_items_have_the_weight_of_their_bucket(self):
        encoder = MeanHistoryEncoder(units=3, time_intervals=True)
        history = tf.constant([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]])
        mask = tf.constant([[True, True, False]])
        times = tf.constant([[100, 104, 0]], tf.int64)
        encoder(history, mask=mask, times=times)
        encoder.output_layer.set_weights([np.zeros([3, 2]), np.zeros([2])])
        # The first is 4 seconds older than the second: bucket 4, and the second's is 1.
        logits = np.zeros(32)
        logits[4] = np.log(3.0)
        encoder.recency.assign(logits)
        # (3, 1) / 4, whose length is the root of 10, over 4.
        expected = [[3 / 10**0.5, 1 / 10**0.5]]
        self.assertAllClose(encoder(history, mask=mask, times=times), expected)
