"""What lists of recommendations are like, whether or not they hit."""

import dataclasses

import numpy as np

from tfmmrec.data.histories import Histories


@dataclasses.dataclass(frozen=True)
class TopItems:
    """The best items of each user.

    Attributes:
        users: rows of users, `[users]`.
        items: rows of items, int32 `[users, k]`, best first; -1 where there are no more.
    """

    users: np.ndarray
    items: np.ndarray

    @property
    def recommended(self) -> np.ndarray:
        """All items of all lists, one after the other."""
        return self.items[self.items >= 0]


def coverage(lists: TopItems, candidate_mask: np.ndarray) -> float:
    """The share of the items, bool `[items]`, that stand in any list."""
    return len(np.unique(lists.recommended)) / max(1, int(candidate_mask.sum()))


def gini(lists: TopItems, candidate_mask: np.ndarray) -> float:
    """How unequally lists name the items: 0 all as often, near 1 a few always."""
    counts = np.sort(np.bincount(lists.recommended, minlength=len(candidate_mask))[candidate_mask])
    total = counts.sum()
    if not total:
        return 0.0
    places = np.arange(1, len(counts) + 1)
    return float(((2 * places - len(counts) - 1) * counts).sum() / (len(counts) * total))


def novelty(lists: TopItems, histories: Histories, num_items: int) -> float:
    """The mean self-information of what is named: −log2 of the share of users who chose it.

    In bits. Zhou et al. 2010, "Solving the apparent diversity-accuracy dilemma of recommender
    systems". One choice is added to each item's, since of nothing there is no logarithm. NaN of
    empty lists.
    """
    num_users = len(histories.offsets) - 1
    shares = (histories.counts(num_items) + 1) / (num_users + 1)
    if not len(lists.recommended):
        return float("nan")
    return float(-np.log2(np.minimum(shares[lists.recommended], 1.0)).mean())


def popularity_lift(lists: TopItems, histories: Histories, num_items: int) -> float:
    """How much more popular lists are than what their users chose: 0 as popular, 1 twice.

    The mean over users of the mean number of choices an item, over the same of histories, minus 1
    (Abdollahpouri et al. 2019, "The unfairness of popularity bias in recommendation"). Users
    without a history are left out; NaN without any other.
    """
    counts = histories.counts(num_items).astype(float)
    lengths = np.diff(histories.offsets)
    sums = np.concatenate([[0.0], np.cumsum(counts[histories.items])])
    sums = sums[histories.offsets[1:]] - sums[histories.offsets[:-1]]
    there = (lengths[lists.users] > 0) & (lists.items >= 0).any(axis=1)
    if not there.any():
        return float("nan")
    users, items = lists.users[there], lists.items[there]
    recommended = np.where(items >= 0, counts[items], np.nan)
    return float(
        np.nanmean(recommended, axis=1).mean() / (sums[users] / lengths[users]).mean() - 1.0
    )


def diversity(lists: TopItems, content: np.ndarray) -> float:
    """One minus the cosine of the contents of two items of a list, meant over pairs and users.

    NaN where no list has two items.

    Args:
        lists: the lists.
        content: `[items, width]`, rows of zeros for items without content, which count as unlike
            all others.
    """
    lengths = np.linalg.norm(content, axis=1, keepdims=True)
    unit = content / np.where(lengths > 0, lengths, 1.0)
    there = (lists.items >= 0)[..., np.newaxis]
    vectors = np.where(there, unit[lists.items], 0.0)
    total = vectors.sum(axis=1)
    num = there.sum(axis=1)[:, 0]
    # Of all ordered pairs, those of an item with itself are taken out.
    alike = (total**2).sum(axis=1) - (vectors**2).sum(axis=(1, 2))
    some = num > 1
    if not some.any():
        return float("nan")
    return float((1.0 - alike[some] / (num[some] * (num[some] - 1))).mean())


def miscalibration(
    lists: TopItems, histories: Histories, categories: np.ndarray, *, mixed: float = 0.01
) -> float:
    """How far the categories of lists are from those of their users' histories.

    The mean Kullback-Leibler divergence KL(p ‖ q̃) in nats of the shares p that categories have in
    a history from those in the list, q, with q̃ = (1 − mixed) q + mixed · p (Steck 2018, "Calibrated
    recommendations"). 0 is the same shares. Users without a category in their history are left
    out; NaN without any other.

    Args:
        lists: the lists.
        histories: what each user chose.
        categories: float `[items, categories]`, the share of each in an item; they add up to 1, or
            to 0 where an item has none.
        mixed: how much of p.
    """
    lengths = np.diff(histories.offsets)
    found = []
    for user, items in zip(lists.users, lists.items, strict=True):
        if not lengths[user]:
            continue
        past = categories[histories.of_user(user)].sum(axis=0)
        recommended = categories[items[items >= 0]].sum(axis=0)
        if not past.sum() or not recommended.sum():
            continue
        past, recommended = past / past.sum(), recommended / recommended.sum()
        held = past > 0
        close = (1.0 - mixed) * recommended[held] + mixed * past[held]
        found.append(float((past[held] * np.log(past[held] / close)).sum()))
    return float(np.mean(found)) if found else float("nan")
