"""Percentile bootstrap over users: intervals of means and of paired differences."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import ndtr

from tfmmrec.evaluation.metrics.sign_flip import least_p, sign_flip_p

# With fewer users there is no interval and no verdict: the resamples of a few values are too
# narrow, and those of values with the same sign never contradict it.
MIN_USERS = 10
# Number of user indices that are drawn at a time, which bounds the memory.
_DRAWS_AT_A_TIME = 2**24


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval; without one (None) for fewer than MIN_USERS users."""

    mean: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        return format(self, "")

    def __format__(self, sign: str) -> str:
        """Formats as `0.170 [0.161, 0.180]`; `+` gives all three a sign, for differences."""
        mean = f"{self.mean:{sign}.3f}"
        if self.low is None or self.high is None:
            return mean
        return f"{mean} [{self.low:{sign}.3f}, {self.high:{sign}.3f}]"


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """The difference between the means of two models on the same targets.

    Attributes:
        interval: the difference with its confidence interval.
        p: two-sided p-value of the null hypothesis that the difference is 0: from the resamples,
            or by the exact sign-flip test for fewer than MIN_USERS users. It is never less than the
            number of resamples, or of users who differ, allows.
        users: number of users.
    """

    interval: Interval
    p: float
    users: int

    @property
    def verdict(self) -> str:
        """`ahead`, `behind` or `even`, at the level of 5 %; or `too few users`."""
        low, high = self.interval.low, self.interval.high
        if low is None or high is None:
            return "too few users"
        if self.p >= 0.05:
            return "even"
        return "ahead" if low > 0 else "behind" if high < 0 else "even"

    def to_dict(self) -> dict[str, Any]:
        """The content of `lead` in the results of `evaluate` and `compare`."""
        return {
            "users": self.users,
            **dataclasses.asdict(self.interval),
            "p": self.p,
            "verdict": self.verdict,
        }


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

        Returns:
            By subset; without bounds if the subset has fewer than MIN_USERS users.
        """
        masks = np.ones(values.shape, bool) if masks is None else masks
        means, drawn = self.means(values, masks)
        enough = self._count_users_of(masks) >= MIN_USERS
        return [
            _interval(mean, own, confidence) if several else Interval(float(mean), None, None)
            for mean, own, several in zip(means, drawn.T, enough, strict=True)
        ]

    def difference(
        self, first: np.ndarray, second: np.ndarray, *, confidence: float = 0.95
    ) -> PairedDifference:
        """Computes the mean of `first - second`, float `[targets]` each."""
        by_user = self._membership @ (first - second)
        if self._num_users < MIN_USERS:
            mean = float(np.mean(first - second))
            interval = Interval(mean, None, None)
            return PairedDifference(interval, sign_flip_p(by_user), self._num_users)
        everything = np.ones((len(first), 1), bool)
        [mean], drawn = self.means(first - second, everything)
        # The observed data count as one more resample, so that p is never 0 (Davison and Hinkley
        # 1997, "Bootstrap Methods and their Application").
        tail = min(np.sum(drawn <= 0.0), np.sum(drawn >= 0.0)) + 1
        p = max(float(2.0 * tail / (self._resamples + 1)), least_p(by_user))
        interval = _interval(mean, drawn[:, 0], confidence)
        return PairedDifference(interval, min(1.0, p), self._num_users)

    def p_below_overall(self, values: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """One-sided p-values of subsets whose mean is below the mean of all targets, `[subsets]`.

        By the normal approximation: the tail of the resamples is too coarse for small p-values. 1
        for subsets with fewer than MIN_USERS users.
        """
        overall = np.ones((len(masks), 1), bool)
        means, drawn = self.means(values, np.concatenate([overall, masks], axis=1))
        gaps, spread = means[1:] - means[0], np.nanstd(drawn[:, 1:] - drawn[:, :1], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            p = np.nan_to_num(ndtr(gaps / spread), nan=1.0)
        return np.where(self._count_users_of(masks) >= MIN_USERS, p, 1.0)

    def statistic_interval(
        self, statistic: Callable[[np.ndarray], float], *, confidence: float = 0.95
    ) -> Interval:
        """Computes the interval of any statistic of the targets, such as an AUC.

        Args:
            statistic: of some targets, given by their rows, int `[rows]`.
            confidence: level of the interval (default 0.95).

        Returns:
            The statistic; without bounds for fewer than MIN_USERS users.
        """
        rows = np.split(self._membership.indices, self._membership.indptr[1:-1])
        if self._num_users < MIN_USERS:
            return Interval(statistic(np.concatenate(rows)), None, None)
        found = [
            statistic(np.concatenate([rows[user] for user in users]))
            for draws in self._draws()
            for users in draws
        ]
        mean = statistic(np.concatenate(rows))
        return _interval(mean, np.array(found), confidence)

    def _count_users_of(self, masks: np.ndarray) -> np.ndarray:
        """The number of users with a target in each subset, int `[subsets]`."""
        return ((self._membership @ masks.astype(np.float64)) > 0).sum(axis=0)

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

    Returns:
        The mean; without bounds for fewer than MIN_USERS values.

    Raises:
        ValueError: there are no values.
    """
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

    Returns:
        The statistic; without bounds for fewer than MIN_USERS users.

    Raises:
        ValueError: there are no events.
    """
    bootstrap = UserBootstrap(users, resamples=resamples, seed=seed)
    return bootstrap.statistic_interval(statistic, confidence=confidence)


def _interval(mean: float, drawn: np.ndarray, confidence: float) -> Interval:
    if np.isnan(drawn).all():
        return Interval(float(mean), None, None)
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(mean), float(low), float(high))
