"""Rankers of the catalog: by the scores of all items, or by dot products of embeddings."""

import abc
import collections
import concurrent.futures
import os
from collections.abc import Callable, Iterator

import numpy as np

from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.metrics.beyond_accuracy import TopItems
from tfmmrec.evaluation.metrics.expected_rank import expected_ranks
from tfmmrec.evaluation.ranking.targets import Targets
from tfmmrec.models.item_blocks import AddedScores, ItemBlocks, query_batches
from tfmmrec.models.scorer import Scorer

# Given rows of users, yields (rows of users [batch], scores [batch, items]).
ScoreUsers = Callable[[np.ndarray], Iterator[tuple[np.ndarray, np.ndarray]]]
# Given rows of users, yields (rows of users [batch], their embeddings [batch, width]).
EmbedUsers = Callable[[np.ndarray], Iterator[tuple[np.ndarray, np.ndarray]]]
# Given rows of users, what is added to the products of some of them and some items.
AddScores = Callable[[np.ndarray], AddedScores]

# Maximum number of scores in memory at a time.
_MAX_SCORES = 2**24
# Maximum number of batches that have been embedded and wait to be ranked.
_MAX_JOBS = 64


def _no_progress(num: int) -> None:
    del num


class Ranker(abc.ABC):
    """Ranks items for users."""

    @abc.abstractmethod
    def rank(
        self,
        targets: Targets,
        candidate_mask: np.ndarray,
        k: int = 0,
        *,
        progress: Callable[[int], object] = _no_progress,
    ) -> tuple[np.ndarray, TopItems]:
        """Ranks each target item among the candidates that are not excluded for the user.

        Args:
            targets: the target items.
            candidate_mask: bool `[items]`, the items that are ranked.
            k: number of top items per user (default 0); fewer if there are fewer candidates.
            progress: gets the number of targets that have been ranked since its last call.

        Returns:
            The expected rank of each target, float64 `[targets]`, from 1; and the top items of the
            users that have targets.
        """

    def ranks(self, targets: Targets, candidate_mask: np.ndarray) -> np.ndarray:
        """Returns the expected ranks only, see `rank`."""
        return self.rank(targets, candidate_mask)[0]


class ScoreRanker(Ranker):
    """Ranks by the scores of all items.

    Args:
        score_users: computes the scores of users, and yields them in any order.
    """

    def __init__(self, score_users: ScoreUsers):
        self._score_users = score_users

    @classmethod
    def of(cls, scores: np.ndarray) -> "ScoreRanker":
        """Ranks by given scores, `[users, items]`."""
        return cls(lambda users: iter([(users, scores[users])]))

    def rank(
        self,
        targets: Targets,
        candidate_mask: np.ndarray,
        k: int = 0,
        *,
        progress: Callable[[int], object] = _no_progress,
    ) -> tuple[np.ndarray, TopItems]:
        ranks = np.empty(len(targets.user))
        all_users = np.unique(targets.user)
        best = _empty_lists(all_users, candidate_mask, k)
        at_a_time = max(1, _MAX_SCORES // len(candidate_mask))
        for start in range(0, len(all_users), at_a_time):
            for users, scores in self._score_users(all_users[start : start + at_a_time]):
                positions, rows = _positions_of(targets, users)
                excluded = np.tile(~candidate_mask, (len(users), 1))
                excluded[targets.excluded.of_users(users)] = True
                # A row of scores per target, of which a user may have many.
                for first in range(0, len(positions), at_a_time):
                    at, own = (each[first : first + at_a_time] for each in (positions, rows))
                    ranks[at] = expected_ranks(scores[own], targets.item[at], excluded[own])
                    progress(len(at))
                if best.shape[1]:
                    scores = np.where(excluded, -np.inf, scores)
                    best[np.searchsorted(all_users, users)] = _best(scores, best.shape[1])
        return ranks, TopItems(all_users, best)


class DotProductRanker(Ranker):
    """Ranks by the dot products of user embeddings and item embeddings.

    Args:
        item_vectors: float `[items, width]`; zeros for an item that cannot be scored.
        embed_users: computes the embeddings of users, and yields them in any order.
        add_scores: computes what is added to some of the products (default: nothing is added).
    """

    def __init__(
        self,
        item_vectors: np.ndarray,
        embed_users: EmbedUsers,
        add_scores: AddScores | None = None,
    ):
        self._item_vectors = item_vectors
        self._embed_users = embed_users
        self._add_scores = add_scores or (lambda users: AddedScores.none())

    def rank(
        self,
        targets: Targets,
        candidate_mask: np.ndarray,
        k: int = 0,
        *,
        progress: Callable[[int], object] = _no_progress,
    ) -> tuple[np.ndarray, TopItems]:
        blocks = ItemBlocks(self._item_vectors, candidate_mask)
        all_users = np.unique(targets.user)
        ranks, best = np.empty(len(targets.user)), _empty_lists(all_users, candidate_mask, k)

        def rank_batch(
            users: np.ndarray,
            vectors: np.ndarray,
            added: AddedScores,
            positions: np.ndarray,
            rows: np.ndarray,
        ) -> int:
            excluded = targets.excluded.of_users(users[rows])
            ranks[positions] = blocks.ranks(
                vectors[rows], targets.item[positions], *excluded, added.of_queries(rows)
            )
            return len(positions)

        def list_batch(
            users: np.ndarray, vectors: np.ndarray, added: AddedScores, rows: np.ndarray
        ) -> int:
            excluded = targets.excluded.of_users(users[rows])
            found, _ = blocks.best(vectors[rows], best.shape[1], *excluded, added.of_queries(rows))
            best[np.searchsorted(all_users, users[rows])] = found
            return 0

        jobs: collections.deque[concurrent.futures.Future[int]] = collections.deque()

        def wait(max_jobs: int) -> None:
            """Counts what is done, and waits until at most so many jobs are left."""
            while jobs and (len(jobs) > max_jobs or jobs[0].done()):
                progress(jobs.popleft().result())

        # One thread embeds the next batch of users while others rank.
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for users, vectors in self._embed_users(all_users):
                positions, rows = _positions_of(targets, users)
                batch = users, vectors, self._add_scores(users)
                for at in query_batches(len(positions)):
                    jobs.append(pool.submit(rank_batch, *batch, positions[at], rows[at]))
                for at in query_batches(len(users) if best.shape[1] else 0):
                    jobs.append(pool.submit(list_batch, *batch, np.arange(len(users))[at]))
                wait(_MAX_JOBS)
            wait(0)
        return ranks, TopItems(all_users, best)


def model_ranker(scorer: Scorer, item_vectors: np.ndarray, histories: Histories) -> Ranker:
    """Returns a ranker with the scores of a model.

    Args:
        scorer: of the model.
        item_vectors: embeddings of all items, float32 `[items, width]`.
        histories: the histories that the model reads.
    """
    if scorer.scores_by_product:
        return DotProductRanker(
            item_vectors,
            lambda users: scorer.queries(item_vectors, histories, users),
            lambda users: scorer.added_scores(histories, users),
        )
    return ScoreRanker(lambda users: scorer.scores(item_vectors, histories, users))


def _empty_lists(users: np.ndarray, candidate_mask: np.ndarray, k: int) -> np.ndarray:
    return np.full((len(users), min(k, int(candidate_mask.sum()))), -1, np.int32)


def _positions_of(targets: Targets, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The positions of the targets of some users, and the row of each one's user; `[targets]`."""
    first = np.searchsorted(targets.user, users, side="left")
    last = np.searchsorted(targets.user, users, side="right")
    rows = np.repeat(np.arange(len(users)), last - first)
    positions = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    return positions, rows


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """The columns of the `k` highest scores per row, highest first; -1 if the score is −inf."""
    scores = np.where(np.isnan(scores), -np.inf, scores)
    columns = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    found = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    columns, found = (np.take_along_axis(values, order, axis=1) for values in (columns, found))
    return np.where(found > -np.inf, columns, -1).astype(np.int32)
