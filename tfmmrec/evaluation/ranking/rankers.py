"""What ranks the catalogue for users: all scores, or vectors whose products are the scores."""

import abc
import concurrent.futures
import os
from collections.abc import Callable, Iterator

import numpy as np

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.metrics.beyond_accuracy import TopItems
from tfmmrec.evaluation.metrics.expected_rank import expected_ranks
from tfmmrec.evaluation.ranking.blocked_scores import ItemBlocks, query_batches
from tfmmrec.evaluation.ranking.targets import Targets
from tfmmrec.models.scorer import Scorer

# Given rows of users, yields (rows of users [batch], scores [batch, items]).
ScoreUsers = Callable[[np.ndarray], Iterator[tuple[np.ndarray, np.ndarray]]]
# Given rows of users, yields (rows of users [batch], their vectors [batch, width]).
UserVectors = Callable[[np.ndarray], Iterator[tuple[np.ndarray, np.ndarray]]]

# Scores that are held at a time, where all of a user's are asked for.
_MOST_SCORES = 2**24


class Ranker(abc.ABC):
    """Ranks items for users."""

    @abc.abstractmethod
    def rank(
        self, targets: Targets, candidate_mask: np.ndarray, k: int = 0
    ) -> tuple[np.ndarray, TopItems]:
        """Ranks every target among the items that its user has not chosen before.

        Args:
            targets: what is to be predicted.
            among: bool `[items]`, the items that are ranked.
            k: how many of the best are listed for each user that has a target, fewer where there
                are fewer items.

        Returns:
            float64 `[targets]`, expected ranks from 1; and the lists.
        """

    def ranks(self, targets: Targets, candidate_mask: np.ndarray) -> np.ndarray:
        """The ranks alone."""
        return self.rank(targets, candidate_mask)[0]


class ScoreRanker(Ranker):
    """Ranks by the scores of all items.

    Args:
        score_users: gives them, for the users that it is asked for, in any order.
    """

    def __init__(self, score_users: ScoreUsers):
        self._score_users = score_users

    @classmethod
    def of(cls, scores: np.ndarray) -> "ScoreRanker":
        """Ranks by scores `[users, items]` that are there already."""
        return cls(lambda users: iter([(users, scores[users])]))

    def rank(
        self, targets: Targets, candidate_mask: np.ndarray, k: int = 0
    ) -> tuple[np.ndarray, TopItems]:
        ranks = np.empty(len(targets.user))
        asked = np.unique(targets.user)
        best = _no_lists(asked, candidate_mask, k)
        at_a_time = max(1, _MOST_SCORES // len(candidate_mask))
        for start in range(0, len(asked), at_a_time):
            for users, scores in self._score_users(asked[start : start + at_a_time]):
                chosen, rows = _targets_of(targets, users)
                left_out = np.tile(~candidate_mask, (len(users), 1))
                left_out[targets.histories.of_users(users)] = True
                ranks[chosen] = expected_ranks(scores[rows], targets.item[chosen], left_out[rows])
                if best.shape[1]:
                    scores = np.where(left_out, -np.inf, scores)
                    best[np.searchsorted(asked, users)] = _best(scores, best.shape[1])
        return ranks, TopItems(asked, best)


class DotProductRanker(Ranker):
    """Ranks by the products of user vectors and item vectors.

    Args:
        item_vectors: float `[items, width]`; zeros where nothing is known of an item.
        user_vectors: gives those of the users that it is asked for, in any order.
    """

    def __init__(self, item_vectors: np.ndarray, user_vectors: UserVectors):
        self._item_vectors = item_vectors
        self._user_vectors = user_vectors

    def rank(
        self, targets: Targets, candidate_mask: np.ndarray, k: int = 0
    ) -> tuple[np.ndarray, TopItems]:
        blocks = ItemBlocks(self._item_vectors, candidate_mask)
        asked = np.unique(targets.user)
        ranks, best = np.empty(len(targets.user)), _no_lists(asked, candidate_mask, k)

        def rank_some(
            users: np.ndarray, vectors: np.ndarray, some: np.ndarray, rows: np.ndarray
        ) -> None:
            past = targets.histories.of_users(users[rows])
            ranks[some] = blocks.ranks(vectors[rows], targets.item[some], *past)

        def list_some(users: np.ndarray, vectors: np.ndarray) -> None:
            past = targets.histories.of_users(users)
            best[np.searchsorted(asked, users)] = blocks.best(vectors, best.shape[1], *past)

        # While one batch is multiplied, others are compared.
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = []
            for users, vectors in self._user_vectors(asked):
                chosen, rows = _targets_of(targets, users)
                for at in query_batches(len(chosen)):
                    jobs.append(pool.submit(rank_some, users, vectors, chosen[at], rows[at]))
                for at in query_batches(len(users) if best.shape[1] else 0):
                    jobs.append(pool.submit(list_some, users[at], vectors[at]))
            for job in jobs:
                job.result()
        return ranks, TopItems(asked, best)


def model_ranker(scorer: Scorer, item_vectors: np.ndarray, histories: Histories) -> Ranker:
    """Ranks as a model does.

    Args:
        scorer: of the model.
        item_vectors: of all items, float32 `[items, width]`.
        histories: what every user chose so far, as the model is to read it.
    """
    if scorer.scores_by_product:
        return DotProductRanker(item_vectors, lambda u: scorer.queries(item_vectors, histories, u))
    return ScoreRanker(lambda users: scorer.scores(item_vectors, histories, users))


def _no_lists(users: np.ndarray, candidate_mask: np.ndarray, k: int) -> np.ndarray:
    return np.full((len(users), min(k, int(candidate_mask.sum()))), -1, np.int32)


def _targets_of(targets: Targets, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The targets of some users, and which of the users each is of, both `[targets]`."""
    first = np.searchsorted(targets.user, users, side="left")
    last = np.searchsorted(targets.user, users, side="right")
    rows = np.repeat(np.arange(len(users)), last - first)
    chosen = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    return chosen, rows


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """The columns of the `k` highest scores of each row, highest first; -1 for those of −inf."""
    scores = np.where(np.isnan(scores), -np.inf, scores)
    columns = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    found = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    columns, found = (np.take_along_axis(part, order, axis=1) for part in (columns, found))
    return np.where(found > -np.inf, columns, -1).astype(np.int32)
