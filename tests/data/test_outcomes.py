"""Labeled events, and sampled non-clicks."""

import numpy as np
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.data.interactions.events import Interactions
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.data.pipelines.sampled_nonclicks import NonClickSampler


def events(rows: list[tuple[int, int, int, float, bool]]) -> Interactions:
    user, item, order, rating, positive = zip(*rows, strict=True) if rows else ((),) * 5
    return Interactions(
        user=np.array(user, np.int32),
        item=np.array(item, np.int32),
        time=np.zeros(len(rows), np.int64),
        rating=np.array(rating, np.float32),
        positive=np.array(positive, bool),
        order=np.array(order, np.int32),
        part=np.zeros(len(rows), np.int8),
    )


def test_events_stand_in_order_behind_the_choices_of_their_user():
    given = events(
        [
            (1, 7, 1, 2.0, False),
            (0, 5, 2, 5.0, True),
            (1, 8, 0, 4.0, True),
            (0, 6, 0, 4.0, True),
            (0, 9, 1, np.nan, False),
            (1, 4, 3, 5.0, True),
        ]
    )
    outcomes = LabeledEvents.of(given)
    np.testing.assert_array_equal(outcomes.user, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(outcomes.item, [6, 9, 5, 8, 7, 4])
    # What was not chosen is passed over.
    np.testing.assert_array_equal(outcomes.num_earlier, [0, 1, 1, 0, 1, 1])
    np.testing.assert_array_equal(outcomes.clicked, [True, False, True, True, False, True])
    np.testing.assert_array_equal(outcomes.rated, [True, False, True, True, True, True])
    assert outcomes.has_negative_labels
    assert not outcomes.take(outcomes.clicked).has_negative_labels


def test_no_events_are_no_outcomes():
    assert len(LabeledEvents.of(events([]))) == 0


# User 0 chose all but item 3, user 1 nothing.
HISTORIES = Histories(items=np.array([0, 1, 2, 1], np.int32), offsets=np.array([0, 4, 4]))


def drawn(nonclick_sampler: NonClickSampler, users: list[int], seed: int) -> list[int]:
    return nonclick_sampler.draw(tf.constant(users), tf.constant([seed, 0])).numpy().tolist()


def test_what_a_user_chose_is_not_drawn():
    nonclick_sampler = NonClickSampler(HISTORIES, np.arange(4), num_items=4)
    assert drawn(nonclick_sampler, [0] * 64, 3) == [3] * 64
    # Of user 1 all are free, each as likely as the other.
    counts = np.bincount(drawn(nonclick_sampler, [1] * 4000, 4), minlength=4)
    assert np.all(np.abs(counts - 1000) < 4 * 27.4)


def test_only_the_items_that_are_given_are_drawn():
    nonclick_sampler = NonClickSampler(HISTORIES, np.array([0, 2]), num_items=4)
    assert set(drawn(nonclick_sampler, [1] * 64, 5)) == {0, 2}
    # Where nothing is free, something is drawn all the same.
    assert set(drawn(nonclick_sampler, [0] * 64, 5)) <= {0, 2}


def test_a_seed_draws_the_same_again():
    nonclick_sampler = NonClickSampler(HISTORIES, np.arange(4), num_items=4)
    assert drawn(nonclick_sampler, [1] * 32, 6) == drawn(nonclick_sampler, [1] * 32, 6)
    assert drawn(nonclick_sampler, [1] * 32, 6) != drawn(nonclick_sampler, [1] * 32, 7)
