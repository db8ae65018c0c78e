"""Means over targets and over parts of them, when users are drawn anew."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import scipy.stats
from scipy.sparse import csr_matrix

from tfmmrec.evaluation.metrics.bootstrap import Interval

_DRAWS_AT_A_TIME = 2**24


@dataclasses.dataclass(frozen=True)
class Lead:
    """By how much one is ahead of another.

    Attributes:
        interval: the difference of their means.
        p: the chance of a difference as far from 0, were there none; two-sided.
    """

    interval: Interval
    p: float


class UserResamples:
    """Draws as many users as there are with replacement, all targets of a user together.

    Every mean that is asked for is of the same draws, so that differences are paired. Targets of
    one user depend on one another, which is why users are drawn and not targets.

    Args:
        users: the user of each target, int `[targets]`.
        resamples: how often they are drawn (default 2000).
        seed: of the drawing.

    Raises:
        ValueError: there are no targets.
    """

    def __init__(self, users: np.ndarray, *, resamples: int = 2000, seed: int = 0):
        if not len(users):
            raise ValueError("There must be targets to draw from. Received: none")
        _, places = np.unique(users, return_inverse=True)
        targets = np.arange(len(users))
        self._of_user = csr_matrix((np.ones(len(users)), (places, targets)))
        self._num_users = self._of_user.shape[0]
        self._resamples = resamples
        self._seed = seed

    def means(self, values: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means of the values of some parts of the targets.

        Args:
            values: float `[targets]`, or `[targets, parts]`.
            parts: bool `[targets, parts]`, which targets are in which part.

        Returns:
            The means `[parts]`, and those of each draw, `[resamples, parts]`; NaN where a part is
            empty.
        """
        values = values[:, np.newaxis] if values.ndim == 1 else values
        sums = self._of_user @ np.where(parts, values, 0.0)
        counts = self._of_user @ parts.astype(np.float64)
        drawn = np.concatenate([np.stack([w @ sums, w @ counts]) for w in self._weights()], axis=1)
        with np.errstate(invalid="ignore"):
            return sums.sum(axis=0) / counts.sum(axis=0), drawn[0] / drawn[1]

    def intervals(
        self, values: np.ndarray, parts: np.ndarray | None = None, *, confidence: float = 0.95
    ) -> list[Interval]:
        """Percentile bootstrap intervals of the means of parts, as `means` takes them.

        Without parts, of all targets by each column of the values, `[targets, columns]`.
        """
        parts = np.ones(values.shape, bool) if parts is None else parts
        means, drawn = self.means(values, parts)
        return [_interval(mean, own, confidence) for mean, own in zip(means, drawn.T, strict=True)]

    def lead(self, ours: np.ndarray, theirs: np.ndarray, *, confidence: float = 0.95) -> Lead:
        """The mean of `ours - theirs`, float `[targets]` each."""
        everything = np.ones((len(ours), 1), bool)
        [mean], drawn = self.means(ours - theirs, everything)
        tail = min(np.mean(drawn <= 0.0), np.mean(drawn >= 0.0))
        p = float(np.clip(2.0 * tail, 1.0 / self._resamples, 1.0))
        return Lead(_interval(mean, drawn[:, 0], confidence), p)

    def below_the_whole(self, values: np.ndarray, parts: np.ndarray) -> np.ndarray:
        """How likely a part would be as far below the mean of all targets by chance, `[parts]`.

        One-sided, by the normal approximation, which small chances need.
        """
        whole = np.ones((len(parts), 1), bool)
        means, drawn = self.means(values, np.concatenate([whole, parts], axis=1))
        gaps, spread = means[1:] - means[0], np.nanstd(drawn[:, 1:] - drawn[:, :1], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num(scipy.stats.norm.cdf(gaps / spread), nan=1.0)

    def _weights(self) -> Iterator[np.ndarray]:
        """How often each user was drawn, float `[draws, users]`, a few draws at a time."""
        generator = np.random.default_rng(self._seed)
        at_a_time = max(1, _DRAWS_AT_A_TIME // self._num_users)
        for start in range(0, self._resamples, at_a_time):
            num = min(at_a_time, self._resamples - start)
            drawn = generator.integers(self._num_users, size=(num, self._num_users))
            drawn += self._num_users * np.arange(num)[:, np.newaxis]
            counts = np.bincount(drawn.ravel(), minlength=num * self._num_users)
            yield counts.reshape(num, self._num_users).astype(np.float64)


def _interval(mean: float, drawn: np.ndarray, confidence: float) -> Interval:
    if np.isnan(drawn).all():
        return Interval(float(mean), float("nan"), float("nan"))
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(mean), float(low), float(high))


def jackknife_error(without: np.ndarray) -> float:
    """The standard error of a figure, from what it is without each of some groups.

    The delete-a-group jackknife: sqrt((n - 1) / n · Σ (without_g - mean)²), which suits any smooth
    figure, a difference of two models' metrics among them (Kott, "The Delete-a-Group Jackknife",
    Journal of Official Statistics 17(4), 2001).

    Args:
        without: float `[n]`, groups of about one size, which everyone is in one of.
    """
    n = len(without)
    return float(np.sqrt((n - 1) / n * np.sum((without - np.mean(without)) ** 2)))
