"""Ranks and best items by products of vectors, against what all scores say at once."""

import numpy as np
import pytest

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.metrics.expected_rank import expected_ranks
from tfmmrec.evaluation.ranking.rankers import DotProductRanker, ScoreRanker
from tfmmrec.evaluation.ranking.targets import Targets
from tfmmrec.models.item_blocks import AddedScores, ItemBlocks

NOTHING = np.zeros(0, int)


def ranks(queries, items, targets, left_out=(), candidate_mask=None):
    """Of one query each; `left_out` are pairs of query and item."""
    items = np.asarray(items, np.float32)
    candidate_mask = (
        np.ones(len(items), bool) if candidate_mask is None else np.asarray(candidate_mask)
    )
    rows, others = np.array(left_out, int).reshape(-1, 2).T
    blocks = ItemBlocks(items, candidate_mask)
    return blocks.ranks(np.asarray(queries), np.array(targets), rows, others).tolist()


def test_ranks_by_hand():
    items = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.5, 0.5], [-1.0, 0.0]]
    # Scores 1, 0, .5, .5, -1: item 2 has one above and one level; item 4 four above.
    assert ranks([[1.0, 0.0]] * 3, items, [0, 2, 4]) == [1.0, 2.5, 5.0]
    # Without items 0 and 3, nothing stands above item 2; an own item is ranked all the same.
    assert ranks([[1.0, 0.0]], items, [2], [(0, 0), (0, 3), (0, 2), (0, 0)]) == [1.0]
    # Ranked among 1, 2 and 4, or if it is not among them, as if it were.
    candidate_mask = [False, True, True, False, True]
    assert ranks([[1.0, 0.0]] * 2, items, [1, 0], candidate_mask=candidate_mask) == [2.0, 1.0]


def test_of_what_nothing_is_known_stands_behind_all():
    items = [[-1.0], [0.0], [2.0], [np.nan], [1.0]]
    # Items 1 and 3 share the fourth and the fifth place, though -1 is below 0.
    assert ranks([[1.0]] * 3, items, [1, 3, 0]) == [4.5, 4.5, 3.0]
    # Two known ones and the other unknown one left out: it is third and last.
    assert ranks([[1.0]], items, [1], [(0, 0), (0, 2), (0, 3)]) == [2.0]


def test_a_collapsed_model_and_one_of_no_numbers_score_as_chance_does():
    items = np.ones([9, 3], np.float32)
    assert ranks([[0.3, 0.1, 7.0], [np.nan, 1.0, 1.0]], items, [4, 0]) == [5.0, 5.0]


@pytest.mark.parametrize("num_items", [1, 15, 511, 512, 513, 2047, 2048, 2049, 5000])
def test_blocks_and_duplicates_change_nothing(num_items):
    draw = np.random.default_rng(num_items)
    # Whole numbers, whose sums are exact in whatever order they are made.
    items = draw.integers(-4, 5, size=(num_items, 6)).astype(np.float32)
    queries = draw.integers(-4, 5, size=(300, 6)).astype(np.float32)
    targets = draw.integers(num_items, size=300)
    left_out = draw.random((300, num_items)) < 0.1
    candidate_mask = draw.random(num_items) < 0.9
    scores = np.where(items.any(axis=1), queries @ items.T, -np.inf)
    expected = expected_ranks(scores, targets, left_out | ~candidate_mask)
    blocks = ItemBlocks(items, candidate_mask)
    np.testing.assert_array_equal(blocks.ranks(queries, targets, *np.nonzero(left_out)), expected)


def test_the_same_vector_has_the_same_score_wherever_it_stands():
    draw = np.random.default_rng(0)
    items = draw.normal(size=(4500, 64)).astype(np.float32)
    items[4000:4300] = items[:300]
    queries, targets = draw.normal(size=(300, 64)).astype(np.float32), np.arange(300)
    exact = queries.astype(float) @ items.astype(float).T
    expected = expected_ranks(exact, targets, np.zeros(exact.shape, bool))
    found = ranks(queries, items, targets)
    # One is level in each row, so that ranks end in a half.
    assert np.all(np.array(found) % 1 == 0.5)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(3))
def test_rankers_agree_on_users_with_several_targets(seed):
    draw = np.random.default_rng(seed)
    num_users, num_items = 700, 2500
    vectors = draw.normal(size=(num_items, 8)).astype(np.float32)
    vectors[draw.random(num_items) < 0.02] = 0.0
    queries = draw.normal(size=(num_users, 8)).astype(np.float32)
    lengths = draw.integers(0, 30, size=num_users)
    histories = Histories(
        draw.integers(num_items, size=lengths.sum()).astype(np.int32),
        np.concatenate([[0], np.cumsum(lengths)]),
    )
    users = np.sort(draw.integers(num_users, size=900)).astype(np.int32)
    targets = Targets(users, draw.integers(num_items, size=900).astype(np.int32), histories, 0)
    candidate_mask = draw.random(num_items) < 0.8

    def batches(users):
        # Of other sizes than what is ranked at a time, the last first.
        for some in np.array_split(users, 5)[::-1]:
            yield some, queries[some]

    scores = np.where(vectors.any(axis=1), queries @ vectors.T, -np.inf)
    dense = ScoreRanker.of(scores).rank(targets, candidate_mask, 10)
    blocked = DotProductRanker(vectors, batches).rank(targets, candidate_mask, 10)
    np.testing.assert_array_equal(blocked[0], dense[0])
    np.testing.assert_array_equal(blocked[1].users, dense[1].users)
    np.testing.assert_array_equal(blocked[1].items, dense[1].items)


def test_the_best_are_named_and_no_more_than_there_are():
    items = np.array([[1.0], [3.0], [0.0], [2.0], [-1.0]], np.float32)
    blocks = ItemBlocks(items, np.array([True, True, True, True, True]))
    query = np.array([[1.0], [-1.0]])
    # Item 2, of which nothing is known, is not named; item 1 is left out by the first.
    found, scores = blocks.best(query, 5, np.array([0]), np.array([1]))
    assert found.tolist() == [[3, 0, 4, -1, -1], [4, 0, 3, 1, -1]]
    assert scores.tolist() == [[2, 1, -1, -np.inf, -np.inf], [1, -1, -2, -3, -np.inf]]
    many = ItemBlocks(np.arange(1, 3001, dtype=np.float32)[:, np.newaxis], np.ones(3000, bool))
    found, scores = many.best(query, 200, NOTHING, NOTHING)
    assert found[0].tolist() == list(range(2999, 2799, -1))
    assert scores[0].tolist() == list(range(3000, 2800, -1))


@pytest.mark.parametrize("block_size", [512, 2048])
@pytest.mark.parametrize(("num_items", "k"), [(40, 40), (5000, 3), (5000, 700), (9000, 100)])
def test_of_equal_scores_the_first_item_is_the_best(num_items, k, block_size):
    draw = np.random.default_rng(k)
    # Few different scores, whole numbers: most are equal.
    items = draw.integers(-2, 3, size=(num_items, 2)).astype(np.float32)
    queries = draw.integers(-2, 3, size=(40, 2)).astype(np.float32)
    left_out = draw.random((40, num_items)) < 0.1
    mask = draw.random(num_items) < 0.9
    scores = np.where(items.any(axis=1) & mask & ~left_out, queries @ items.T, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    expected = np.take_along_axis(scores, order, axis=1)
    found, found_scores = ItemBlocks(items, mask, block_size=block_size).best(
        queries, k, *np.nonzero(left_out)
    )
    np.testing.assert_array_equal(found, np.where(expected > -np.inf, order, -1))
    np.testing.assert_array_equal(found_scores, expected)


@pytest.mark.parametrize("num_items", [5, 600, 5000])
def test_what_is_added_counts_as_if_it_were_in_the_scores(num_items):
    draw = np.random.default_rng(num_items)
    items = draw.integers(-4, 5, size=(num_items, 6)).astype(np.float32)
    items[0] = 0.0  # cannot be scored, whatever is added
    queries = draw.integers(-4, 5, size=(300, 6)).astype(np.float32)
    targets, left_out = draw.integers(num_items, size=300), draw.random((300, num_items)) < 0.1
    added = draw.integers(-9, 10, size=(300, num_items)) * (draw.random((300, num_items)) < 0.2)
    scores = np.where(items.any(axis=1), queries @ items.T + added, -np.inf)
    left_out[np.arange(300), targets] = False
    rows, others = np.nonzero(added)
    given = AddedScores(rows, others, added[rows, others].astype(np.float32))
    blocks = ItemBlocks(items, np.ones(num_items, bool))
    pairs = np.nonzero(left_out)
    found = blocks.ranks(queries, targets, *pairs, given)
    np.testing.assert_array_equal(found, expected_ranks(scores, targets, left_out))
    best, best_scores = blocks.best(queries, 5, *pairs, given)
    masked = np.where(left_out, -np.inf, scores)
    expected = np.argsort(-masked, axis=1, kind="stable")[:, :5]
    expected_scores = np.take_along_axis(masked, expected, axis=1)
    np.testing.assert_array_equal(best_scores, expected_scores)
    np.testing.assert_array_equal(best, np.where(expected_scores > -np.inf, expected, -1))


def test_what_is_added_for_some_queries_is_found_by_their_rows():
    added = AddedScores(np.array([2, 0, 2]), np.array([7, 8, 9]), np.array([0.1, 0.2, 0.3]))
    found = added.of_queries(np.array([2, 1, 0, 2]))
    assert found.rows.tolist() == [0, 0, 2, 3, 3]
    assert found.items.tolist() == [7, 9, 8, 7, 9]
    assert found.values.tolist() == [0.1, 0.3, 0.2, 0.1, 0.3]
    assert not len(AddedScores.none().of_queries(np.array([0, 1])).rows)
