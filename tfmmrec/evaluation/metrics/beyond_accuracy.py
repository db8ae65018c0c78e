"""Metrics of recommended lists beyond accuracy: coverage, novelty, diversity and others."""

import dataclasses

import numpy as np

from tfmmrec.data.histories import Histories


@dataclasses.dataclass(frozen=True)
class TopItems:
    """The top items of each user.

    Attributes:
        users: rows of users, `[users]`.
        items: rows of items, int32 `[users, k]`, best first; -1 after the last item.
    """

    users: np.ndarray
    items: np.ndarray

    @property
    def recommended(self) -> np.ndarray:
        """The items of all lists, concatenated."""
        return self.items[self.items >= 0]


def coverage(lists: TopItems, candidate_mask: np.ndarray) -> float:
    """The share of the candidates, bool `[items]`, that are in any list."""
    return len(np.unique(lists.recommended)) / max(1, int(candidate_mask.sum()))


def gini(lists: TopItems, candidate_mask: np.ndarray) -> float:
    """The Gini coefficient of the number of lists per candidate: 0 is equal, 1 most unequal."""
    counts = np.sort(np.bincount(lists.recommended, minlength=len(candidate_mask))[candidate_mask])
    total = counts.sum()
    if not total:
        return 0.0
    ranks = np.arange(1, len(counts) + 1)
    return float(((2 * ranks - len(counts) - 1) * counts).sum() / (len(counts) * total))


def novelty(lists: TopItems, histories: Histories, num_items: int) -> float:
    """The mean self-information of the listed items, in bits.

    That is −log2 of the share of users who have an event with the item; one event is added to each
    item, since the logarithm of 0 is undefined. NaN for empty lists. Zhou et al. 2010, "Solving the
    apparent diversity-accuracy dilemma of recommender systems".
    """
    num_users = len(histories.offsets) - 1
    shares = (histories.counts(num_items) + 1) / (num_users + 1)
    if not len(lists.recommended):
        return float("nan")
    return float(-np.log2(np.minimum(shares[lists.recommended], 1.0)).mean())


def popularity_lift(lists: TopItems, histories: Histories, num_items: int) -> float:
    """The popularity of lists relative to that of the users' histories: 0 is equal, 1 is twice.

    The mean over users of the mean number of events per listed item, divided by the same of
    histories, minus 1 (Abdollahpouri et al. 2019, "The unfairness of popularity bias in
    recommendation"). Users without a history are excluded; NaN if there are no others.
    """
    counts = histories.counts(num_items).astype(float)
    lengths = np.diff(histories.offsets)
    sums = np.concatenate([[0.0], np.cumsum(counts[histories.items])])
    sums = sums[histories.offsets[1:]] - sums[histories.offsets[:-1]]
    has_both = (lengths[lists.users] > 0) & (lists.items >= 0).any(axis=1)
    if not has_both.any():
        return float("nan")
    users, items = lists.users[has_both], lists.items[has_both]
    recommended = np.where(items >= 0, counts[items], np.nan)
    return float(
        np.nanmean(recommended, axis=1).mean() / (sums[users] / lengths[users]).mean() - 1.0
    )


def diversity(lists: TopItems, content: np.ndarray) -> float:
    """One minus the cosine similarity of the content of two items of a list.

    It is the mean over pairs and users; NaN if no list has two items.

    Args:
        lists: the lists.
        content: `[items, width]`; zeros for items without content, whose similarity is 0.
    """
    lengths = np.linalg.norm(content, axis=1, keepdims=True)
    unit = content / np.where(lengths > 0, lengths, 1.0)
    has_both = (lists.items >= 0)[..., np.newaxis]
    vectors = np.where(has_both, unit[lists.items], 0.0)
    total = vectors.sum(axis=1)
    num = has_both.sum(axis=1)[:, 0]
    # The sum over ordered pairs, without those of an item with itself.
    alike = (total**2).sum(axis=1) - (vectors**2).sum(axis=(1, 2))
    some = num > 1
    if not some.any():
        return float("nan")
    return float((1.0 - alike[some] / (num[some] * (num[some] - 1))).mean())


def miscalibration(
    lists: TopItems, histories: Histories, categories: np.ndarray, *, alpha: float = 0.01
) -> float:
    """The divergence of the categories of lists from those of the users' histories.

    The mean Kullback-Leibler divergence KL(p ‖ q̃), in nats, of the shares p of the categories in a
    history and their shares q in the list, with q̃ = (1 − alpha) q + alpha · p (Steck 2018,
    "Calibrated recommendations"). 0 means equal shares. Users without a category in the history are
    excluded; NaN if there are no others.

    Args:
        lists: the lists.
        histories: the history of each user.
        categories: the share of each category in an item, float `[items, categories]`; they add up
            to 1, or to 0 for an item without categories.
        alpha: the weight of p in q̃ (default 0.01), which avoids the logarithm of 0.
    """
    lengths = np.diff(histories.offsets)
    divergences = []
    for user, items in zip(lists.users, lists.items, strict=True):
        if not lengths[user]:
            continue
        history = categories[histories.of_user(user)].sum(axis=0)
        recommended = categories[items[items >= 0]].sum(axis=0)
        if not history.sum() or not recommended.sum():
            continue
        history, recommended = history / history.sum(), recommended / recommended.sum()
        present = history > 0
        smoothed = (1.0 - alpha) * recommended[present] + alpha * history[present]
        divergences.append(float((history[present] * np.log(history[present] / smoothed)).sum()))
    return float(np.mean(divergences)) if divergences else float("nan")
