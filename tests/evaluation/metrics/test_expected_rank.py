"""Expected ranks: by hand, with ties and what is left out."""

import itertools

import numpy as np
import pytest

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.metrics.expected_rank import expected_ranks
from tfmmrec.evaluation.ranking.rankers import ScoreRanker
from tfmmrec.evaluation.ranking.targets import Targets


def rank(scores: list[float], target: int, left_out: tuple[int, ...] = ()) -> float:
    out = np.zeros([1, len(scores)], bool)
    out[0, list(left_out)] = True
    return expected_ranks(np.array([scores]), np.array([target]), out)[0]


def test_ranks_by_hand():
    # Two stand above 0.5, one below.
    assert rank([0.9, 0.5, 0.7, 0.1], 1) == 3.0
    assert rank([0.9, 0.5, 0.7, 0.1], 0) == 1.0
    assert rank([0.9, 0.5, 0.7, 0.1], 3) == 4.0


def test_ties_are_shared():
    # One above; two level, of which one on average stands before: 1 + 1 + 2 / 2 = 3.
    assert rank([0.5, 0.9, 0.5, 0.5, 0.1], 0) == 3.0
    # Of n items alike the rank is 1 + (n - 1) / 2 = (n + 1) / 2.
    assert rank([0.0] * 4, 2) == 2.5


def test_a_rank_is_the_mean_over_all_orders_of_the_ties():
    scores, target = [1, 0, 1, 1, 2], 0
    places = []
    for order in itertools.permutations(range(5)):
        # A stable sort of one order of the items: the ties stand as they came.
        ranked = sorted(order, key=lambda item: -scores[item])
        places.append(1 + ranked.index(target))
    assert rank(scores, target) == pytest.approx(np.mean(places))


def test_what_is_left_out_stands_nowhere_but_the_target_is_always_ranked():
    assert rank([0.9, 0.5, 0.7, 0.5], 1, left_out=(0, 3)) == 2.0
    assert rank([0.9, 0.5, 0.7, 0.5], 1, left_out=(0, 1, 2, 3)) == 1.0


def test_scores_that_are_no_numbers_rank_last():
    nan = float("nan")
    assert rank([0.1, nan, 0.2], 1) == 3.0
    assert rank([nan, 0.1, 0.2], 1) == 2.0
    # A model that gives NaN alone gets what random order gets, not the first place.
    assert rank([nan] * 5, 0) == 3.0
    assert rank([-np.inf, 0.1, np.inf], 1) == 2.0


def test_rows_are_ranked_by_themselves_and_the_inputs_stay():
    scores = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]])
    left_out = np.array([[False, True, False], [False, False, False]])
    ranks = expected_ranks(scores, np.array([0, 2]), left_out)
    assert ranks.tolist() == [2.0, 3.0]
    assert left_out.tolist() == [[False, True, False], [False, False, False]]


def test_a_collapsed_model_gets_the_mean_of_random_order():
    generator = np.random.default_rng(0)
    rows, items = 4000, 30
    targets = generator.integers(items, size=rows)
    left_out = generator.random([rows, items]) < 0.2
    left_out[np.arange(rows), targets] = False
    collapsed = expected_ranks(np.ones([rows, items]), targets, left_out)
    random = expected_ranks(generator.random([rows, items]), targets, left_out)
    # Of n ranked items (n + 1) / 2, row by row.
    np.testing.assert_allclose(collapsed, (1 + (~left_out).sum(axis=1)) / 2)
    # A rank of 24 has a deviation of 24 / sqrt 12 = 7; of the mean of 4000, 0.11: four of them.
    assert random.mean() == pytest.approx(collapsed.mean(), abs=0.45)


def test_targets_are_ranked_without_what_their_user_chose_before():
    # User 1 chose items 0 and 1 before, user 4 item 2; user 1 has two targets.
    histories = Histories(items=np.array([0, 1, 2], np.int32), offsets=np.array([0, 0, 2, 2, 2, 3]))
    targets = Targets(
        user=np.array([1, 1, 4]), item=np.array([2, 3, 0]), histories=histories, num_repeats=0
    )
    scores = np.array([9.0, 8.0, 3.0, 4.0, 5.0])

    def score_users(users):
        assert users.tolist() == [1, 4]
        # In two batches, the later users first.
        yield np.array([4]), scores[np.newaxis] * -1
        yield np.array([1]), scores[np.newaxis]

    # User 1: of 2, 3, 4 left, item 3 has 5 above it, item 2 has 4 and 5. User 4: the scores are
    # turned round, so that of 0, 1, 3, 4 item 0 is the last.
    ranks = ScoreRanker(score_users).ranks(targets, np.ones(5, bool))
    assert ranks.tolist() == [3.0, 2.0, 4.0]
    # Ranked among 0, 2 and 3 only: item 4 and item 1 stand nowhere.
    candidate_mask = np.array([True, False, True, True, False])
    assert ScoreRanker(score_users).ranks(targets, candidate_mask).tolist() == [2.0, 1.0, 2.0]
