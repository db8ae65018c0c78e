"""Bootstrap intervals of means over users."""

import dataclasses
from collections.abc import Callable

import numpy as np
import scipy.stats

_RESAMPLES_AT_A_TIME = 500


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean and where it lies with the confidence that was asked for."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return format(self, "")

    def __format__(self, sign: str) -> str:
        """Gives `0.170 [0.161, 0.180]`; `+` signs all three, as differences need."""
        mean, low, high = (f"{value:{sign}.3f}" for value in (self.mean, self.low, self.high))
        return f"{mean} [{low}, {high}]"


def mean_interval(
    values: np.ndarray, *, confidence: float = 0.95, resamples: int = 9999, seed: int = 0
) -> Interval:
    """The mean of some values, drawn independently, with its percentile bootstrap interval.

    Args:
        values: float `[values]`, one a user.
        confidence: of the interval.
        resamples: how often as many values are drawn with replacement.
        seed: of the drawing.

    Raises:
        ValueError: there are fewer than two values.
    """
    if len(values) < 2:
        raise ValueError(f"An interval needs at least 2 values. Received: {len(values)}")
    found = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=_RESAMPLES_AT_A_TIME,
        vectorized=True,
        confidence_level=confidence,
        method="percentile",
        random_state=seed,
    ).confidence_interval
    return Interval(float(np.mean(values)), float(found.low), float(found.high))


def clustered_interval(
    users: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    *,
    confidence: float = 0.95,
    resamples: int = 999,
    seed: int = 0,
) -> Interval:
    """A statistic of events, such as an AUC, with its percentile bootstrap interval over users.

    Args:
        users: the user of each event, `[events]`; those of one user are drawn together.
        statistic: of some events, given by their rows.
        confidence: of the interval.
        resamples: how often as many users are drawn with replacement.
        seed: of the drawing.

    Raises:
        ValueError: there are fewer than two users.
    """
    order = np.argsort(users, kind="stable")
    _, starts = np.unique(users[order], return_index=True)
    theirs = np.split(order, starts[1:])
    if len(theirs) < 2:
        raise ValueError(f"An interval needs at least 2 users. Received: {len(theirs)}")
    generator = np.random.default_rng(seed)
    found = [
        statistic(np.concatenate([theirs[user] for user in drawn]))
        for drawn in generator.integers(len(theirs), size=[resamples, len(theirs)])
    ]
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(statistic(order)), float(low), float(high))


def paired_interval(
    first: np.ndarray, second: np.ndarray, *, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """The mean of `first - second`, both of the same users in the same order, as `mean_interval`.

    Users differ far more from each other than two models do for one user, so that this interval is
    much narrower than the two means' own would suggest.
    """
    if first.shape != second.shape:
        raise ValueError(f"Pairs need equal shapes. Received: {first.shape} and {second.shape}")
    return mean_interval(first - second, confidence=confidence, seed=seed)
