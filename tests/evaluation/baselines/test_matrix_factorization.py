"""ALS and BPR: they find two tastes, in new users too; the same again."""

import numpy as np
import pytest
from scipy import sparse

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.baselines.matrix_factorization import (
    FACTORIZATION_BASELINES,
)
from tfmmrec.evaluation.ranking.rankers import Ranker
from tfmmrec.evaluation.ranking.targets import Targets

NO_EXTRA = "ALS and BPR need tfmmrec[baselines]"
# Items 0 to 9 are of one taste, 10 to 19 of the other, and nobody chose 20.
NUM_ITEMS = 21
# Users 0 to 29 have one taste, 30 to 59 the other; 60 and 61 are new, one of each.
NUM_KNOWN, NEW = 60, (60, 61)


def drawn() -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """What is learned from, in which new users chose nothing, and what is read."""
    generator = np.random.default_rng(0)
    rows = np.zeros([NUM_KNOWN + len(NEW), NUM_ITEMS], np.float32)
    for user in range(NUM_KNOWN):
        own = 10 * (user >= NUM_KNOWN // 2) + np.arange(10)
        rows[user, generator.choice(own, 6, replace=False)] = 1.0
    read = rows.copy()
    read[60, [0, 3, 4]] = 1.0
    read[61, [11, 12, 15]] = 1.0
    return sparse.csr_matrix(rows), sparse.csr_matrix(read)


def best_of(ranker: Ranker, read: sparse.csr_matrix, users: np.ndarray, k: int) -> np.ndarray:
    """The best items of users beside what they chose, `[users, k]`."""
    histories = Histories(read.indices, read.indptr.astype(np.int64))
    targets = Targets(users.astype(np.int32), np.zeros(len(users), np.int32), histories, 0)
    _, lists = ranker.rank(targets, np.ones(NUM_ITEMS, bool), k)
    return lists.items


@pytest.fixture(params=list(FACTORIZATION_BASELINES))
def fit(request):
    pytest.importorskip("implicit", reason=NO_EXTRA)
    score, parameters = FACTORIZATION_BASELINES[request.param]
    return lambda chosen, read: score(chosen, parameters[len(parameters) // 2], read)


def test_users_are_given_the_items_of_their_taste(fit):
    chosen, read = drawn()
    users = np.arange(NUM_KNOWN + len(NEW))
    # Of ten items of their taste, users chose 6 or 3, and have four at least before them.
    found = best_of(fit(chosen, read), read, users, 4)
    tastes = (users >= NUM_KNOWN // 2) & (users != 60)
    np.testing.assert_array_equal(found // 10, np.tile(tastes[:, np.newaxis], 4))


def test_what_nobody_chose_is_last(fit):
    chosen, read = drawn()
    # 21 items less the 3 of a new user.
    found = best_of(fit(chosen, read), read, np.array(NEW), 18)
    assert 20 not in found[:, :17]


def test_it_is_the_same_again_and_says_nothing(fit, capfd):
    chosen, read = drawn()
    users = np.arange(NUM_KNOWN + len(NEW))
    first, second = (best_of(fit(chosen, read), read, users, 10) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    # Of warnings pytest makes errors.
    assert capfd.readouterr() == ("", "")


def test_a_new_user_of_als_is_ranked_as_a_known_one_with_the_same_choices():
    pytest.importorskip("implicit", reason=NO_EXTRA)
    als, _ = FACTORIZATION_BASELINES["ALS"]
    chosen, read = drawn()
    read = read.tolil()
    read[60] = chosen[7]
    read = read.tocsr()
    known, new = best_of(als(chosen, 10.0, read), read, np.array([7, 60]), 10)
    np.testing.assert_array_equal(known, new)


def test_a_user_without_any_choice_has_the_most_popular_of_bpr():
    pytest.importorskip("implicit", reason=NO_EXTRA)
    bpr, _ = FACTORIZATION_BASELINES["BPR"]
    # Of 40 users all chose item 0, and each of the items 1 to 8 was chosen by 5.
    rows = np.zeros([41, NUM_ITEMS], np.float32)
    rows[:40, 0] = 1.0
    rows[np.arange(40), 1 + np.arange(40) % 8] = 1.0
    chosen = sparse.csr_matrix(rows)
    assert best_of(bpr(chosen, 0.1, chosen), chosen, np.array([40]), 1).tolist() == [[0]]
