"""The term for items of the history, against its formula."""

import numpy as np
import pytest

from tfmmrec.data.histories import Histories
from tfmmrec.models.closed_form.repeat_term import (
    DEFAULT_WEIGHTS,
    RepeatTerm,
    add_to_scores,
    repeat_log_odds,
)


def histories(*users: list[int]) -> Histories:
    return Histories(
        np.array([item for own in users for item in own], np.int32),
        np.cumsum([0, *map(len, users)]),
    )


def test_the_terms_are_those_of_the_formula():
    repeats = RepeatTerm(4)
    repeats.log_odds.assign([0.1, 0.2, 0.3, 0.4])
    # Item 2 is followed by two other events and by none, item 0 by one.
    history = np.array([[2, 0, 2, -1], [3, -1, -1, -1], [-1, -1, -1, -1]], np.int32)
    terms, is_last = (part.numpy() for part in repeats.terms(history))
    assert np.argwhere(is_last).tolist() == [[0, 1], [0, 2], [1, 0]]
    assert terms[0, 1] == pytest.approx([1.0, np.log(2.0**-0.5), 0.1])
    assert terms[0, 2] == pytest.approx([1.0, np.log(1.0 + 3.0**-0.5), 0.3])
    assert terms[1, 0] == pytest.approx([1.0, 0.0, 0.4], abs=1e-6)
    assert not terms[~is_last].any()
    repeats.term_weights.assign([1.0, 2.0, -3.0])
    added = repeats.added(history).numpy()
    assert added == pytest.approx(terms @ np.array([1.0, 2.0, -3.0]), abs=1e-6)
    # Padding anywhere counts for nothing.
    padded = np.array([[-1, 2, -1, 0, 2]], np.int32)
    assert repeats.added(padded).numpy()[0, [3, 4]] == pytest.approx(added[0, 1:3], abs=1e-5)


def test_it_has_default_weights_before_it_is_fitted():
    assert RepeatTerm(1).describe() == pytest.approx(
        dict(zip(["constant", "activation", "share_of_repeats"], DEFAULT_WEIGHTS, strict=True))
    )


def test_it_is_added_to_the_items_of_the_history_alone():
    scores = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, -np.inf]], np.float32)
    history = np.array([[2, 2, -1], [0, 2, -1]], np.int32)
    added = np.array([[0.0, 0.5, 0.0], [-1.0, 2.0, 0.0]], np.float32)
    found = add_to_scores(scores, history, added).numpy()
    assert found.tolist() == [[1.0, 2.0, 3.5], [3.0, 5.0, -np.inf]]


def test_the_share_of_repeats_is_that_of_an_item_smoothed_by_that_of_all():
    # Item 0 is chosen ten times by two users, item 1 once by each of twenty, item 2 by nobody.
    log = histories([0] * 5, [0] * 5, *([1] for _ in range(20)))
    found = repeat_log_odds(log, 3)
    overall = 8 / 30
    share = (8 + 10 * overall) / 20
    assert found[0] == pytest.approx(np.log(share / (1 - share)) - np.log(overall / (1 - overall)))
    assert found[0] > 0 > found[1]
    assert found[2] == 0.0
    # Without any repeat, all items are alike.
    assert repeat_log_odds(histories([0, 1], [1]), 2).tolist() == [0.0, 0.0]
    assert repeat_log_odds(histories([]), 2).tolist() == [0.0, 0.0]
