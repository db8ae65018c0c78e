"""Recommenders by what was chosen together, against their definitions written out."""

import numpy as np
import pytest
from scipy import sparse

from tfmmrec.evaluation.baselines import item_item
from tfmmrec.evaluation.baselines.item_item import ease, item_knn

CHOSEN = np.random.default_rng(0).integers(0, 2, [9, 5]).astype(float)


def scores(fit, chosen, value, read=None, **options):
    """The scores of all users, `[users, items]`."""
    own = sparse.csr_matrix(chosen.astype(np.float32))
    read = own if read is None else sparse.csr_matrix(read.astype(np.float32))
    return fit(own, value, **options)(read)


def test_ease_tells_each_item_from_the_others_by_ridge_regression():
    found = scores(ease, CHOSEN, 3.0)
    # With the weight of an item on itself held at 0, each item is a ridge regression on the others.
    for item in range(5):
        rest = np.delete(CHOSEN, item, axis=1)
        weights = np.linalg.solve(rest.T @ rest + 3.0 * np.eye(4), rest.T @ CHOSEN[:, item])
        np.testing.assert_allclose(found[:, item], rest @ weights)


def test_ease_of_the_most_popular_items_alone(monkeypatch):
    monkeypatch.setattr(item_item, "EASE_ITEMS", 3)
    chosen = CHOSEN.copy()
    # Items 1 and 3 are the least popular.
    chosen[:, 1] = chosen[:, 3] = 0.0
    chosen[0, 1] = chosen[0, 3] = 1.0
    found = scores(ease, chosen, 3.0)
    rows = [0, 2, 4]
    np.testing.assert_allclose(found[:, rows], scores(ease, chosen[:, rows], 3.0))
    assert not found[:, [1, 3]].any()


@pytest.mark.parametrize("block", [2, 512])
def test_neighbours_are_heard_by_their_cosines(monkeypatch, block):
    monkeypatch.setattr(item_item, "_BLOCK", block)
    found = scores(item_knn, CHOSEN, 2, shrink=1.0)
    for item in range(5):
        own = CHOSEN[:, item]
        similar = {
            other: own
            @ CHOSEN[:, other]
            / (np.linalg.norm(own) * np.linalg.norm(CHOSEN[:, other]) + 1.0)
            for other in range(5)
            if other != item
        }
        kept = sorted(similar, key=similar.get, reverse=True)[:2]
        expected = sum(similar[other] * CHOSEN[:, other] for other in kept)
        np.testing.assert_allclose(found[:, item], expected)


def test_neighbours_as_similar_as_the_last_are_heard_too():
    # Of item 0, the items 1 and 2 are equally similar: one user chose each of them with it.
    chosen = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    found = scores(item_knn, chosen, 1, np.eye(3), shrink=0.0)
    # 1 / sqrt(2 * 1), of both.
    np.testing.assert_allclose(found[:, 0], [0.0, 0.5**0.5, 0.5**0.5])


def test_who_reads_them_need_not_be_among_those_they_learn_from():
    read = np.array([[0.0, 1.0, 0.0, 1.0, 0.0], [0.0] * 5])
    for fit in (ease, item_knn):
        # Scores are linear in what is read: those of one item each, summed.
        one_by_one = scores(fit, CHOSEN, 3.0, np.eye(5))
        found = scores(fit, CHOSEN, 3.0, read)
        np.testing.assert_allclose(found[0], one_by_one[1] + one_by_one[3])
        assert not found[1].any()


def test_items_of_a_history_count_by_their_weights():
    # Items 0 and 1 were chosen together by one user of two each, items 1 and 2 by the other.
    chosen = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    # With a shrink of 0: sim(0, 1) = sim(1, 2) = 1 / sqrt(1 * 2), sim(0, 2) = 0. The history is
    # item 0, of weight 0.8, then item 1, of weight 1.
    found = scores(item_knn, chosen, 3, np.array([[0.8, 1.0, 0.0]]), shrink=0.0)
    half = 0.5**0.5
    np.testing.assert_allclose(found, [[1.0 * half, 0.8 * half, 1.0 * half]])
    one_by_one = scores(ease, CHOSEN, 3.0, np.eye(5))
    found = scores(ease, CHOSEN, 3.0, np.array([[0.0, 0.25, 0.0, 0.5, 0.0]]))
    np.testing.assert_allclose(found[0], 0.25 * one_by_one[1] + 0.5 * one_by_one[3])


def test_more_neighbours_than_items_are_all():
    np.testing.assert_allclose(scores(item_knn, CHOSEN, 100), scores(item_knn, CHOSEN, 4))
