"""Percentile bootstrap over users: intervals of means and of paired differences."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import scipy.stats
from scipy.sparse import csr_matrix

# Number of user indices that are drawn at a time, which bounds the memory.
_DRAWS_AT_A_TIME = 2**24


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return format(self, "")

    def __format__(self, sign: str) -> str:
        """Formats as `0.170 [0.161, 0.180]`; `+` gives all three a sign, for differences."""
        mean, low, high = (f"{value:{sign}.3f}" for value in (self.mean, self.low, self.high))
        return f"{mean} [{low}, {high}]"


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """The difference between the means of two models on the same targets.

    Attributes:
        interval: the difference with its confidence interval.
        p: two-sided p-value of the null hypothesis that the difference is 0.
    """

    interval: Interval
    p: float


class UserBootstrap:
    """Resamples users with replacement, each with all of the user's targets.

    Targets of one user depend on each other, which is why users are resampled, not targets. All
    results of an instance are from the same resamples, so that differences are paired.

    Args:
        users: the user of each target, int `[targets]`.
        resamples: number of resamples (default 2000).
        seed: of the resamples.

    Raises:
        ValueError: there are no targets.
    """

    def __init__(self, users: np.ndarray, *, resamples: int = 2000, seed: int = 0):
        if not len(users):
            raise ValueError("The bootstrap needs at least one target. Received: 0")
        _, rows = np.unique(users, return_inverse=True)
        targets = np.arange(len(users))
        # [users, targets], 1 for the targets of a user.
        self._membership = csr_matrix((np.ones(len(users)), (rows, targets)))
        self._num_users = self._membership.shape[0]
        self._resamples = resamples
        self._seed = seed

    def means(self, values: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Computes the mean of the values over subsets of the targets.

        Args:
            values: float `[targets]`, or `[targets, subsets]`.
            masks: bool `[targets, subsets]`, the targets of each subset.

        Returns:
            The means, `[subsets]`, and those of each resample, `[resamples, subsets]`; NaN for an
            empty subset.
        """
        values = values[:, np.newaxis] if values.ndim == 1 else values
        sums = self._membership @ np.where(masks, values, 0.0)
        counts = self._membership @ masks.astype(np.float64)
        drawn = np.concatenate(
            [
                np.stack([weights @ sums, weights @ counts])
                for weights in map(self._count_users, self._draws())
            ],
            axis=1,
        )
        with np.errstate(invalid="ignore"):
            return sums.sum(axis=0) / counts.sum(axis=0), drawn[0] / drawn[1]

    def intervals(
        self, values: np.ndarray, masks: np.ndarray | None = None, *, confidence: float = 0.95
    ) -> list[Interval]:
        """Computes the intervals of means over subsets of the targets.

        Args:
            values: as in `means`.
            masks: as in `means` (default: all targets, for each column of the values).
            confidence: level of the intervals (default 0.95).
        """
        masks = np.ones(values.shape, bool) if masks is None else masks
        means, drawn = self.means(values, masks)
        return [_interval(mean, own, confidence) for mean, own in zip(means, drawn.T, strict=True)]

    def difference(
        self, first: np.ndarray, second: np.ndarray, *, confidence: float = 0.95
    ) -> PairedDifference:
        """Computes the mean of `first - second`, float `[targets]` each."""
        everything = np.ones((len(first), 1), bool)
        [mean], drawn = self.means(first - second, everything)
        tail = min(np.mean(drawn <= 0.0), np.mean(drawn >= 0.0))
        p = float(np.clip(2.0 * tail, 1.0 / self._resamples, 1.0))
        return PairedDifference(_interval(mean, drawn[:, 0], confidence), p)

    def p_below_overall(self, values: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """One-sided p-values of subsets whose mean is below the mean of all targets, `[subsets]`.

        By the normal approximation: the tail of the resamples is too coarse for small p-values.
        """
        overall = np.ones((len(masks), 1), bool)
        means, drawn = self.means(values, np.concatenate([overall, masks], axis=1))
        gaps, spread = means[1:] - means[0], np.nanstd(drawn[:, 1:] - drawn[:, :1], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num(scipy.stats.norm.cdf(gaps / spread), nan=1.0)

    def statistic_interval(
        self, statistic: Callable[[np.ndarray], float], *, confidence: float = 0.95
    ) -> Interval:
        """Computes the interval of any statistic of the targets, such as an AUC.

        Args:
            statistic: of some targets, given by their rows, int `[rows]`.
            confidence: level of the interval (default 0.95).
        """
        rows = np.split(self._membership.indices, self._membership.indptr[1:-1])
        found = [
            statistic(np.concatenate([rows[user] for user in users]))
            for draws in self._draws()
            for users in draws
        ]
        mean = statistic(np.concatenate(rows))
        return _interval(mean, np.array(found), confidence)

    def _draws(self) -> Iterator[np.ndarray]:
        """The users of each resample, int `[draws, users]`, some resamples at a time."""
        generator = np.random.default_rng(self._seed)
        at_a_time = max(1, _DRAWS_AT_A_TIME // self._num_users)
        for start in range(0, self._resamples, at_a_time):
            num = min(at_a_time, self._resamples - start)
            yield generator.integers(self._num_users, size=(num, self._num_users))

    def _count_users(self, draws: np.ndarray) -> np.ndarray:
        """How often each user was drawn in each resample, float64 `[draws, users]`."""
        num = len(draws)
        columns = draws + self._num_users * np.arange(num)[:, np.newaxis]
        counts = np.bincount(columns.ravel(), minlength=num * self._num_users)
        return counts.reshape(num, self._num_users).astype(np.float64)


def mean_interval(
    values: np.ndarray, *, confidence: float = 0.95, resamples: int = 9999, seed: int = 0
) -> Interval:
    """Computes the mean of independent values with its percentile bootstrap interval.

    Args:
        values: float `[values]`, one per user.
        confidence: level of the interval (default 0.95).
        resamples: number of resamples (default 9999).
        seed: of the resamples.

    Raises:
        ValueError: there are fewer than two values.
    """
    if len(values) < 2:
        raise ValueError(f"An interval needs at least 2 values. Received: {len(values)}")
    bootstrap = UserBootstrap(np.arange(len(values)), resamples=resamples, seed=seed)
    return bootstrap.intervals(np.asarray(values)[:, np.newaxis], confidence=confidence)[0]


def paired_interval(
    first: np.ndarray, second: np.ndarray, *, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Computes the mean of `first - second` with its interval, as `mean_interval` does.

    Both have the same users in the same order. Users differ far more from each other than two
    models do for one user, so this interval is much narrower than those of the two means suggest.
    """
    if first.shape != second.shape:
        raise ValueError(f"Pairs need equal shapes. Received: {first.shape} and {second.shape}")
    return mean_interval(first - second, confidence=confidence, seed=seed)


def clustered_interval(
    users: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    *,
    confidence: float = 0.95,
    resamples: int = 999,
    seed: int = 0,
) -> Interval:
    """Computes a statistic of events, such as an AUC, with its interval over users.

    Args:
        users: the user of each event, int `[events]`.
        statistic: of some events, given by their rows.
        confidence: level of the interval (default 0.95).
        resamples: number of resamples of the users (default 999).
        seed: of the resamples.

    Raises:
        ValueError: there are fewer than two users.
    """
    if (num_users := len(np.unique(users))) < 2:
        raise ValueError(f"An interval needs at least 2 users. Received: {num_users}")
    bootstrap = UserBootstrap(users, resamples=resamples, seed=seed)
    return bootstrap.statistic_interval(statistic, confidence=confidence)


def _interval(mean: float, drawn: np.ndarray, confidence: float) -> Interval:
    if np.isnan(drawn).all():
        return Interval(float(mean), float("nan"), float("nan"))
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(mean), float(low), float(high))
