"""Recommenders by what was chosen together, against their definitions written out."""

import numpy as np

from tfmmrec.evaluation.baselines.item_item import ease, item_knn

CHOSEN = np.random.default_rng(0).integers(0, 2, [9, 5]).astype(float)


def test_ease_tells_each_item_from_the_others_by_ridge_regression():
    scores = ease(CHOSEN, 3.0)
    # With the weight of an item on itself held at 0, each item is a ridge regression on the others.
    for item in range(5):
        rest = np.delete(CHOSEN, item, axis=1)
        weights = np.linalg.solve(rest.T @ rest + 3.0 * np.eye(4), rest.T @ CHOSEN[:, item])
        np.testing.assert_allclose(scores[:, item], rest @ weights)


def test_neighbours_are_heard_by_their_cosines():
    scores = item_knn(CHOSEN, neighbors=2, shrink=1.0)
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
        np.testing.assert_allclose(scores[:, item], expected)


def test_who_reads_them_need_not_be_among_those_they_learn_from():
    read = np.array([[0.0, 1.0, 0.0, 1.0, 0.0], [0.0] * 5])
    for score in (ease, item_knn):
        # Scores are linear in what is read: those of one item each, summed.
        one_by_one = score(CHOSEN, 3.0, np.eye(5))
        np.testing.assert_allclose(score(CHOSEN, 3.0, read)[0], one_by_one[1] + one_by_one[3])
        assert not score(CHOSEN, 3.0, read)[1].any()
        np.testing.assert_array_equal(score(CHOSEN, 3.0, CHOSEN), score(CHOSEN, 3.0))


def test_more_neighbours_than_items_are_all():
    np.testing.assert_allclose(item_knn(CHOSEN, 100), item_knn(CHOSEN, 4))
