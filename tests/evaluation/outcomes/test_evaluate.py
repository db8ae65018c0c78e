"""Metrics, targets and baselines of ratings and clicks, by hand."""

import numpy as np
import pytest

from tfmmrec.data.histories import Histories
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.evaluation.baselines.outcomes import (
    click_rate,
    mean_rating,
    popularity_rate,
    rating_biases,
    rating_svd,
)
from tfmmrec.evaluation.metrics.outcomes import (
    calibration_curve,
    calibration_error,
    click_metrics,
    rating_metrics,
)
from tfmmrec.evaluation.outcomes.targets import add_nonclicks


def outcomes(rows: list[tuple[int, int, float]]) -> LabeledEvents:
    """Events of a user, an item and a rating; those of at least 4 are choices."""
    user, item, rating = (np.array(column) for column in zip(*rows, strict=True))
    return LabeledEvents(
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        num_earlier=np.arange(len(rows), dtype=np.int32),
        clicked=rating >= 4,
        rating=rating.astype(np.float32),
    )


def test_rating_metrics():
    metrics = rating_metrics(np.array([1.0, 5.0, 3.0]), np.array([2.0, 5.0, 1.0]))
    assert metrics == pytest.approx({"rmse": (5 / 3) ** 0.5, "mae": 1.0})


def test_click_metrics():
    clicked = np.array([True, False, True, False])
    metrics = click_metrics(clicked, np.array([0.9, 0.5, 0.5, 0.2], np.float32))
    # Of the four pairs, three are in order and one ties.
    assert metrics["auc"] == 3.5 / 4
    assert metrics["log_loss"] == pytest.approx(-np.log([0.9, 0.5, 0.5, 0.8]).mean())


def test_without_both_kinds_there_is_no_order():
    assert "auc" not in click_metrics(np.array([True, True]), np.array([0.9, 0.5]))


def test_probabilities_of_one_are_no_infinite_loss():
    assert np.isfinite(click_metrics(np.array([True, False]), np.ones(2, np.float32))["log_loss"])


def test_calibration_error_is_over_bins_of_as_many_events():
    # Bins (.1, .3) and (.6, .8): 0.4 of 1 event, and 1.4 of 1.
    predicted = np.array([0.8, 0.1, 0.3, 0.6])
    clicked = np.array([True, False, True, False])
    assert calibration_error(clicked, predicted, bins=2) == pytest.approx((0.6 + 0.4) / 4)
    assert calibration_error(clicked, np.full(4, 0.5), bins=1) == 0.0
    said, came, counts = calibration_curve(clicked, predicted, bins=2)
    assert said.tolist() == pytest.approx([0.2, 0.7])
    assert (came.tolist(), counts.tolist()) == ([0.5, 0.5], [2, 2])
    # Fewer events than bins: one each, and no empty one.
    assert calibration_curve(clicked, predicted)[1].tolist() == [0.0, 1.0, 0.0, 1.0]


TRAIN = outcomes([(0, 0, 5), (0, 1, 3), (1, 0, 4), (1, 1, 2), (2, 0, 5)])


def test_the_mean_of_ratings():
    assert mean_rating(TRAIN, TRAIN) == pytest.approx([3.8] * 5)


def test_without_damping_biases_find_what_ratings_are_made_of():
    # Item 0 is two above item 1, user 0 one above user 1 and as user 2.
    found = rating_biases(TRAIN, outcomes([(2, 1, 0), (1, 0, 0), (2, 0, 0)]), damping=0, rounds=200)
    assert found == pytest.approx([3.0, 4.0, 5.0], abs=1e-3)


def test_svd_finds_what_biases_cannot():
    # Even users like even items; each leaves one pair to be told.
    pairs = [(user, item) for user in range(12) for item in range(10)]
    rows = [(user, item, 5 if (user + item) % 2 else 1) for user, item in pairs]
    asked = [number for number, (user, item) in enumerate(pairs) if item == user % 10]
    train = outcomes([row for number, row in enumerate(rows) if number not in asked])
    events = outcomes([rows[number] for number in asked])
    found = rating_svd(train, events, factors=4, epochs=200, learning_rate=0.03)
    assert rating_metrics(events.rating, found)["rmse"] < 0.5
    assert rating_metrics(events.rating, rating_biases(train, events))["rmse"] > 1.9
    # Unknown ones get what is left: the mean.
    new = rating_svd(train, outcomes([(50, 60, 0)]), factors=4, epochs=1)
    assert new == pytest.approx(np.mean(train.rating))


def test_damping_draws_biases_to_nothing_and_unknown_ones_have_none():
    new = outcomes([(9, 9, 0), (0, 0, 0)])
    strong, weak = (rating_biases(TRAIN, new, damping=damping) for damping in (1e9, 1.0))
    assert strong == pytest.approx([3.8, 3.8])
    assert weak[0] == pytest.approx(3.8)
    assert 3.8 < weak[1] < 5.0


def test_rates_of_clicks():
    assert click_rate(TRAIN, TRAIN) == pytest.approx([0.6] * 5)
    assert click_rate(TRAIN, TRAIN, share=0.5) == pytest.approx([0.5] * 5)
    # Item 0 was chosen three times of three, item 1 never of two; 2 shown more at the mean of 0.6.
    rates = popularity_rate(
        TRAIN, outcomes([(0, 0, 0), (0, 1, 0)]), 3, sampled_nonclicks=False, damping=2
    )
    assert rates == pytest.approx([(3 + 1.2) / (3 + 2), 1.2 / (2 + 2)])


def test_rates_beside_drawn_items():
    chosen = TRAIN.take(TRAIN.clicked)
    events = outcomes([(0, 0, 0), (0, 1, 0)])
    # Three choices of item 0, beside which it was drawn three times, and item 1 never.
    rates = popularity_rate(chosen, events, 3, sampled_nonclicks=True, damping=2)
    assert rates == pytest.approx([(3 + 1) / (6 + 2), 1 / 2])


def test_beside_each_choice_stands_an_item_as_new_that_its_user_never_chose():
    done = Histories(np.array([0, 1, 2, 3, 4, 5], np.int32), np.array([0, 5, 6]))
    cold = np.array([False] * 6 + [True] * 2)
    events = outcomes([(0, 0, 5), (0, 6, 5), (1, 5, 5)])
    both = add_nonclicks(events, done, cold)
    assert len(both) == 6
    np.testing.assert_array_equal(both.user, [0, 0, 1] * 2)
    np.testing.assert_array_equal(both.clicked, [True] * 3 + [False] * 3)
    # Of warm items user 0 left only 5; of cold ones they chose none in `done`.
    assert both.item[3] == 5 and both.item[4] in (6, 7) and both.item[5] < 5
    np.testing.assert_array_equal(both.item, add_nonclicks(events, done, cold).item)


def test_where_all_was_chosen_nothing_stands_beside():
    done = Histories(np.array([0, 1], np.int32), np.array([0, 2]))
    both = add_nonclicks(outcomes([(0, 0, 5)]), done, np.zeros(2, bool))
    np.testing.assert_array_equal(both.clicked, [True])
