"""Scores per member of a late fusion, from which the scores for any weights follow."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

# Number of scores per block of users, few enough for the processor's cache.
_BLOCK_SIZE = 2**18


@dataclasses.dataclass(frozen=True)
class ColdStartItems:
    """Items without interactions in training, whose scores follow from those of trained items.

    The embedding of such an item is `weight · regressed + (1 − weight) · content`. The regression
    is linear, so that `regressed` is a weighted sum of the embeddings of trained items, the
    landmarks; the scores are the same weighted sum of the scores of the landmarks.

    Attributes:
        columns: the items, int `[items]`.
        has_content: the members that contribute to these items, bool `[members]`.
        coefficients: of each landmark, float32 `[landmarks, items]`; the landmarks are the first
            columns of the scores, so that a slice selects them.
        weight: of the regression, see `cold_start.weight`.
    """

    columns: np.ndarray
    has_content: np.ndarray
    coefficients: np.ndarray
    weight: float


@dataclasses.dataclass(frozen=True)
class MemberScores:
    """Unweighted scores per member for users and items, and the target items of the users.

    Attributes:
        names: the members: features or modalities, and `id`.
        items: the catalog row of each column, int `[items]`.
        scores: float32 `[members, users, items]`; 0 if a member is missing.
        present: which members an item has, bool `[members, items]`; the weights of these members
            are normalized to sum one.
        user: the row of `scores` of each event, int `[events]`, ascending.
        item: the column of the target item of each event, int `[events]`.
        excluded: rows and columns that are not ranked, such as a user's earlier items, int
            `[pairs]` each, with ascending rows.
        cold_start: groups of items whose scores follow from those of trained items.
    """

    names: Sequence[str]
    items: np.ndarray
    scores: np.ndarray
    present: np.ndarray
    user: np.ndarray
    item: np.ndarray
    excluded: tuple[np.ndarray, np.ndarray]
    cold_start: Sequence[ColdStartItems] = ()

    def weighted(self, weights: np.ndarray, users: slice = slice(None)) -> np.ndarray:
        """The scores of the fusion with some weights, float32 `[users, items]`.

        The score is −inf for an item without any member of positive weight.

        Args:
            weights: at least 0, `[members]`; only their ratios matter.
            users: the rows.
        """
        weights = np.asarray(weights, np.float32)
        total = weights @ self.present.astype(np.float32)
        scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        sums = self._sum(weights, users)
        scores = sums * scale
        for group in self.cold_start:
            landmarks = slice(len(group.coefficients))
            # Subtracts the missing members, which are fewer than the present ones.
            missing = self._sum(np.where(group.has_content, 0.0, weights), users, landmarks)
            regressed = ((sums[:, landmarks] - missing) * scale[landmarks]) @ group.coefficients
            content = scores[:, group.columns]
            scores[:, group.columns] = content + group.weight * (regressed - content)
        scores[:, total <= 0] = -np.inf
        return scores

    def ranks(self, weights: np.ndarray) -> np.ndarray:
        """The expected rank of each target item with some weights, from 1, float64 `[events]`.

        Ties count a half each, as in `evaluation.metrics.expected_rank.expected_ranks`.
        """
        ranks = np.empty(len(self.user))
        for users in self._blocks():
            scores = self.weighted(weights, users)
            events = slice(*np.searchsorted(self.user, [users.start, users.stop]))
            rows, items = self.user[events] - users.start, self.item[events]
            target = scores[rows, items][:, np.newaxis]
            pairs = slice(*np.searchsorted(self.excluded[0], [users.start, users.stop]))
            # NaN is neither above nor equal to the target's score.
            scores[self.excluded[0][pairs] - users.start, self.excluded[1][pairs]] = np.nan
            others = scores[rows]
            others[np.arange(len(rows)), items] = np.nan
            above = np.count_nonzero(others > target, axis=1)
            level = np.count_nonzero(others == target, axis=1)
            ranks[events] = 1.0 + above + level / 2.0
        return ranks

    def spread(self) -> np.ndarray:
        """The standard deviation of each member's scores over the items that have it, `[members]`.

        It is the mean over users. Cosines of a modality with similar embeddings vary little, so
        that it needs a larger weight for the same effect; weight times spread is comparable between
        members.
        """
        spreads = []
        for scores, present in zip(self.scores, self.present, strict=True):
            deviations = [scores[users][:, present].std(axis=1) for users in self._blocks()]
            spreads.append(np.concatenate(deviations).mean() if present.any() else 0.0)
        return np.array(spreads)

    def _sum(self, weights: np.ndarray, users: slice, items: slice = slice(None)) -> np.ndarray:
        selected = self.scores[:, users, items]
        total = np.zeros(selected.shape[1:], np.float32)
        for weight, scores in zip(weights.astype(np.float32), selected, strict=True):
            if weight:
                total += weight * scores
        return total

    def _blocks(self) -> Iterator[slice]:
        _, num_users, num_items = self.scores.shape
        step = max(1, _BLOCK_SIZE // num_items)
        for start in range(0, num_users, step):
            yield slice(start, min(start + step, num_users))
