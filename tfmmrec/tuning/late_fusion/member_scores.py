"""The scores of each member of a late fusion, kept so that other weights are tried in no time."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

# Scores that are weighed at a time: few enough to stay near the processor.
_AT_A_TIME = 2**18


@dataclasses.dataclass(frozen=True)
class NewItems:
    """Items that training never met, whose scores come of those of items that it knows.

    Their vectors are `share · regressed + (1 − share) · content`, and what is regressed is a sum of
    the vectors of landmarks; so their scores are the same sum of the landmarks' scores.

    Attributes:
        columns: the items, int `[new]`.
        told: the members that have a word on them, bool `[members]`.
        mix: how much of each landmark is in each of them, float32 `[landmarks, new]`; the landmarks
            are the first items of the scores, so that they need not be picked out again and again.
        share: of what is regressed.
    """

    columns: np.ndarray
    told: np.ndarray
    mix: np.ndarray
    share: float


@dataclasses.dataclass(frozen=True)
class MemberScores:
    """Scores of users with items by member, before the weights, and what is to be predicted.

    Attributes:
        names: the members.
        items: the catalogue's row of each item here, int `[items]`.
        scores: float32 `[members, users, items]`; 0 where a member has no word on an item.
        present: whether a member counts for an item, bool `[members, items]`: the weights of those
            that do are made to sum to one.
        user: the row of `scores` that each event is of, int `[events]`, ascending.
        item: the item of each event, int `[events]`.
        left_out: users and the items that are not ranked for them, int `[pairs]` each; the users
            ascending.
        new_items: those whose scores are not the weighted ones alone.
    """

    names: Sequence[str]
    items: np.ndarray
    scores: np.ndarray
    present: np.ndarray
    user: np.ndarray
    item: np.ndarray
    left_out: tuple[np.ndarray, np.ndarray]
    new_items: Sequence[NewItems] = ()

    def weighted(self, weights: np.ndarray, users: slice = slice(None)) -> np.ndarray:
        """The scores that the fusion gives with some weights, float32 `[users, items]`.

        An item has −inf where no member of any weight counts.

        Args:
            weights: at least 0, `[members]`; only their ratios count.
            users: whose.
        """
        weights = np.asarray(weights, np.float32)
        total = weights @ self.present.astype(np.float32)
        scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        total_scores = self._sum(weights, users)
        scores = total_scores * scale
        for group in self.new_items:
            first = slice(len(group.mix))
            # There are few members that a new item lacks.
            lacking = self._sum(np.where(group.told, 0.0, weights), users, first)
            regressed = ((total_scores[:, first] - lacking) * scale[first]) @ group.mix
            content = scores[:, group.columns]
            scores[:, group.columns] = content + group.share * (regressed - content)
        scores[:, total <= 0] = -np.inf
        return scores

    def ranks(self, weights: np.ndarray) -> np.ndarray:
        """The expected rank of each event's item with some weights, from 1, float64 `[events]`.

        As `evaluation.expected_ranks` has it: items with the very same score come before and
        after one another equally often.
        """
        ranks = np.empty(len(self.user))
        for users in self._blocks():
            scores = self.weighted(weights, users)
            events = slice(*np.searchsorted(self.user, [users.start, users.stop]))
            rows, items = self.user[events] - users.start, self.item[events]
            own = scores[rows, items][:, np.newaxis]
            pairs = slice(*np.searchsorted(self.left_out[0], [users.start, users.stop]))
            # What is no number is neither above nor level.
            scores[self.left_out[0][pairs] - users.start, self.left_out[1][pairs]] = np.nan
            others = scores[rows]
            others[np.arange(len(rows)), items] = np.nan
            above = np.count_nonzero(others > own, axis=1)
            level = np.count_nonzero(others == own, axis=1)
            ranks[events] = 1.0 + above + level / 2.0
        return ranks

    def spread(self) -> np.ndarray:
        """How far apart each member's scores lie: their standard deviation over the items that
        have it, the mean over users, `[members]`.

        A cosine of a modality whose vectors lie close together needs a greater weight to say as
        much: of weights times spread it can be told what a modality counts for.
        """
        spreads = []
        for scores, here in zip(self.scores, self.present, strict=True):
            within = [scores[users][:, here].std(axis=1) for users in self._blocks()]
            spreads.append(np.concatenate(within).mean() if here.any() else 0.0)
        return np.array(spreads)

    def _sum(self, weights: np.ndarray, users: slice, items: slice = slice(None)) -> np.ndarray:
        of_users = self.scores[:, users, items]
        total = np.zeros(of_users.shape[1:], np.float32)
        for weight, scores in zip(weights.astype(np.float32), of_users, strict=True):
            if weight:
                total += weight * scores
        return total

    def _blocks(self) -> Iterator[slice]:
        _, num_users, num_items = self.scores.shape
        step = max(1, _AT_A_TIME // num_items)
        for start in range(0, num_users, step):
            yield slice(start, min(start + step, num_users))
