"""The rankers' memory and progress; tests/models/test_item_blocks.py has their ranks."""

import numpy as np
import pytest

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.ranking import rankers
from tfmmrec.evaluation.ranking.rankers import DotProductRanker, ScoreRanker
from tfmmrec.evaluation.ranking.targets import Targets

ITEMS = 5


@pytest.fixture
def targets() -> Targets:
    """Each of four users has four targets, all items but the first one, in a history of none."""
    users, items = np.repeat(np.arange(4), 4), np.tile(np.arange(1, ITEMS), 4)
    return Targets(users, items, Histories(np.zeros(0, np.int32), np.zeros(5, int)), 0)


# Items score 5, 4, 3, 2, 1 for all users: the targets rank second to fifth.
SCORES = np.arange(ITEMS, 0, -1, dtype=np.float32)
RANKS = [2, 3, 4, 5] * 4


def test_scores_of_many_targets_are_compared_in_parts(targets, monkeypatch):
    # Three rows of scores at a time.
    monkeypatch.setattr(rankers, "_MAX_SCORES", 3 * ITEMS + 1)
    rows, expected_ranks = [], rankers.expected_ranks

    def counted(scores, *rest):
        rows.append(len(scores))
        return expected_ranks(scores, *rest)

    monkeypatch.setattr(rankers, "expected_ranks", counted)
    done: list[int] = []
    ranker = ScoreRanker(lambda users: iter([(users, np.tile(SCORES, (len(users), 1)))]))
    ranks, _ = ranker.rank(targets, np.ones(ITEMS, bool), progress=done.append)
    assert ranks.tolist() == RANKS
    # Of three users twelve targets, then of one user four.
    assert rows == done == [3, 3, 3, 3, 3, 1]


@pytest.mark.parametrize("max_jobs", [0, 64])
def test_batches_that_wait_are_limited_and_counted(targets, monkeypatch, max_jobs):
    monkeypatch.setattr(rankers, "_MAX_JOBS", max_jobs)
    done: list[int] = []

    def embed(users):
        for user in users:
            if max_jobs == 0:
                # Each batch is ranked before the next one is embedded.
                assert sum(done) == 4 * user
            yield np.array([user]), np.ones((1, 1), np.float32)

    ranker = DotProductRanker(SCORES[:, np.newaxis], embed)
    ranks, lists = ranker.rank(targets, np.ones(ITEMS, bool), 2, progress=done.append)
    assert (ranks.tolist(), sum(done)) == (RANKS, 16)
    assert lists.items.tolist() == [[0, 1]] * 4
