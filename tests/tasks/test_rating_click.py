"""Ratings and clicks: predictions and losses by hand."""

import doctest

import numpy as np
import tensorflow as tf

from tfmmrec.config.tasks import HeadConfig
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.tasks import (
    LossWeighting,
    RatingClickHead,
    RatingClickTask,
    loss_weighting,
    rating_click_head,
)
from tfmmrec.tasks.rating_click import Click, Rating, RatingScale, create_outcome
from tfmmrec.testing import TestCase

USERS = np.array([True, True, False])
ITEMS = np.array([True, False])


def head(**options) -> RatingClickHead:
    """A head without deep layers, unless options add them."""
    plain = {
        "factors": 2,
        "num_cross_layers": 0,
        "units": 0,
        "l2": 0.5,
        "id_embedding_dropout": 0.0,
        "dropout": 0.0,
    }
    made = RatingClickHead(
        width=3, known_users=USERS, known_items=ITEMS, options=HeadConfig(**plain | options)
    )
    made(tf.ones([1, 3]), tf.ones([1, 3]), tf.constant([0]), tf.constant([0]))
    return made


def with_numbers(made: RatingClickHead) -> RatingClickHead:
    users, items, kernel, _ = sorted(made.trainable_variables, key=order)
    users.assign([[0.5, 1.0, 2.0], [-1.0, 3.0, 0.0], [9.0, 9.0, 9.0]])
    items.assign([[0.25, -1.0, 0.5], [8.0, 8.0, 8.0]])
    kernel.assign(tf.zeros_like(kernel))
    return made


def order(weight: tf.Variable) -> int:
    names = ("users", "items", "kernel", "bias")
    return next(n for n, name in enumerate(names) if name in weight.name.split("/")[-1])


def numbers(made: RatingClickHead, users: list[int], items: list[int], **options) -> np.ndarray:
    vectors = tf.random.stateless_normal([2, len(users), 3], [1, 2])
    return made(vectors[0], vectors[1], tf.constant(users), tf.constant(items), **options).numpy()


class ExampleTest(TestCase):
    def test_the_examples_run(self):
        for module in (loss_weighting, rating_click_head):
            result = doctest.testmod(module)
            self.assertEqual((result.failed, result.attempted > 0), (0, True))


class HeadTest(TestCase):
    def test_known_users_and_items_have_biases_and_factors(self):
        found = numbers(with_numbers(head()), [0, 1], [0, 0])
        # 0.5 + 0.25 + (1, 2)(-1, 0.5) and -1 + 0.25 + (3, 0)(-1, 0.5).
        self.assertAllClose(found, [0.75, -3.75])

    def test_unknown_users_and_items_have_none(self):
        made = with_numbers(head())
        # Neither users and items without training events, nor those outside the vocabulary.
        self.assertAllClose(numbers(made, [2, 0, -1, -1], [0, 1, 0, -1]), [0.25, 0.5, 0.25, 0.0])

    def test_the_deep_part_reads_both_embeddings_and_their_product(self):
        made = head(factors=0, biases=False)
        kernel, bias = sorted(made.trainable_variables, key=order)
        kernel.assign([[1.0], [0.0], [0.0], [0.0], [2.0], [0.0], [0.0], [0.0], [5.0]])
        bias.assign([7.0])
        users, items = tf.constant([[0.1, 0.2, 0.3]]), tf.constant([[0.4, 0.5, 0.6]])
        found = made(users, items, tf.constant([0]), tf.constant([0]))
        # Embeddings of length 1 have entries near 3 ** -0.5, which are scaled to 1.
        self.assertAllClose(found, [7.0 + 3**0.5 * (0.1 + 2 * 0.5 + 5 * 0.3 * 0.6)])

    def test_cross_layers_and_hidden_units_are_trained(self):
        made = head(num_cross_layers=2, projection_dim=2, units=4)
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(
                made(tf.ones([2, 3]), tf.ones([2, 3]), tf.constant([0, 1]), tf.constant([0, 0]))
            )
        gradients = tape.gradient(total, made.trainable_variables)
        # Two tables, two cross layers of three weights, hidden and output layers of two each.
        self.assertLen(gradients, 2 + 6 + 4)
        self.assertNotIn(None, gradients)

    def test_ids_are_dropped_in_training_only(self):
        made = with_numbers(head(id_embedding_dropout=0.5, factors=2))
        found = numbers(made, [0] * 400, [0] * 400, training=True)
        self.assertAllClose(numbers(made, [0], [0]), [0.75])
        # Both dropped, item only, user only, none dropped.
        self.assertAllClose(np.unique(found), [0.0, 0.25, 0.5, 0.75])
        counts = np.unique(np.round(found, 2), return_counts=True)[1]
        self.assertAllClose(counts, [100] * 4, atol=4 * 8.7)

    def test_the_penalty_covers_known_users_and_items(self):
        made = with_numbers(head())
        # (0.25 + 1 + 4) + (0.0625 + 1 + 0.25) for the first pair, 1 + 9 for the second.
        penalty = made.penalty(tf.constant([0, 1]), tf.constant([0, 1]))
        self.assertAllClose(penalty, 0.5 * (6.5625 + 10.0) / 2)
        self.assertEqual(float(head(l2=0.0).penalty(tf.constant([0]), tf.constant([0]))), 0.0)


OUTCOMES = LabeledEvents(
    user=np.array([0, 0, 1], np.int32),
    item=np.array([0, 1, 0], np.int32),
    num_earlier=np.zeros(3, np.int32),
    clicked=np.array([True, False, True]),
    rating=np.array([5.0, np.nan, 1.0], np.float32),
)
BATCH = {
    "user": tf.constant([0, 0, 1]),
    "item": tf.constant([0, 1, 0]),
    "clicked": tf.constant([True, False, True]),
    "rating": tf.constant([5.0, np.nan, 1.0]),
}


def losses(name: str, batch: dict[str, tf.Tensor] = BATCH) -> dict[str, tf.Tensor]:
    """The losses of a task with embeddings of zeros."""
    zeros = tf.zeros([3, 3])
    return task(name)(zeros, zeros, batch)


def task(name: str) -> RatingClickTask:
    outcome = create_outcome(name, RatingScale.of(OUTCOMES.rating))
    made = RatingClickTask({name: outcome}, {name: head(l2=0.0)})
    with_numbers(made.heads[name])
    return made


# The logits of the head for the batch, see above; item 1 is unknown.
NUMBERS = np.array([0.75, 0.5, -3.75])


class TaskTest(TestCase):
    def test_ratings_are_standardized_and_events_without_one_do_not_count(self):
        # 5 and 1 have mean 3 and deviation 2.
        expected = np.mean((np.array([1.0, -1.0]) - NUMBERS[[0, 2]]) ** 2)
        found = losses("rating")
        self.assertAllClose(found, {"rating": expected})

    def test_clicks_have_a_binary_cross_entropy(self):
        probabilities = 1 / (1 + np.exp(-NUMBERS))
        expected = -np.mean(np.log([probabilities[0], 1 - probabilities[1], probabilities[2]]))
        found = losses("click")
        self.assertAllClose(found, {"click": expected})

    def test_a_batch_without_ratings_has_loss_zero(self):
        none = {**BATCH, "rating": tf.fill([3], np.nan)}
        self.assertAllClose(losses("rating", none), {"rating": 0.0})

    def test_predicted_ratings_stay_in_the_training_range(self):
        values = Rating(RatingScale.of(OUTCOMES.rating)).value(tf.constant([0.0, 0.5, 3.0, -3.0]))
        self.assertAllClose(values, [3.0, 4.0, 5.0, 1.0])

    def test_a_constant_rating_is_predicted(self):
        same = Rating(RatingScale.of(np.array([4.0, 4.0], np.float32)))
        self.assertAllClose(same.value(tf.constant([0.0, 9.0])), [4.0, 4.0])
        self.assertAllClose(same.labels({"rating": tf.constant([4.0])})[0], [0.0])

    def test_a_predicted_click_is_a_probability(self):
        self.assertAllClose(Click().value(tf.constant([0.0, np.log(3.0)])), [0.5, 0.75])


class LossWeightingTest(TestCase):
    losses = {"retrieval": tf.constant(4.0), "rating": tf.constant(0.5)}

    def test_fixed_weights_give_a_weighted_sum(self):
        balance = LossWeighting({"retrieval": 1.0, "rating": 3.0})
        self.assertAllClose(balance(self.losses), 5.5)
        self.assertEmpty(balance.trainable_variables)

    def test_learned_weights_converge_to_the_uncertainty_of_each_task(self):
        balance = LossWeighting({"retrieval": 1.0, "rating": 2.0}, learned=True)
        # exp(−s) is the initial weight, s / 2 its penalty; a squared error has the factor 1/2.
        expected = 4.0 + 2.0 * 0.5 * 0.5 + (0.0 - np.log(2.0)) / 2
        self.assertAllClose(balance(self.losses), expected)
        optimizer = tf.keras.optimizers.legacy.SGD(0.3)
        for _ in range(200):
            optimizer.minimize(lambda: balance(self.losses), balance.trainable_variables)
        # Where exp(−s) c L = 1 / 2.
        self.assertAllClose(balance.log_variances["retrieval"], np.log(8.0), atol=1e-3)
        self.assertAllClose(balance.log_variances["rating"], np.log(0.5), atol=1e-3)
