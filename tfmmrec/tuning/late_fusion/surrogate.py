"""A smooth picture of what weights are worth, by those that were tried."""

import dataclasses
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

# Weights that are looked at for a peak, and how often what is best so far is looked around.
_LOOKS = 2000
_ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class Tried:
    """Weights that were tried.

    Attributes:
        weights: float `[trials, members]`.
        worth: the metric of each event, float `[trials, events]`; more is better.
        user: of each event, int `[events]`.
    """

    weights: np.ndarray
    worth: np.ndarray
    user: np.ndarray


def peaks(tried: Tried, num: int, generator: np.random.Generator) -> np.ndarray:
    """Where a Gaussian process over trials has its highest mean, for users drawn anew each time.

    A metric of ranks is a step function of weights, and flat near its best: which trial has the
    highest value is a matter of luck. The process has noise of its own in it, and so smooths the
    steps away. What remains is that other users would have liked other weights; how much so is
    told by drawing as many users with replacement. The mean of what is best for each draw, bagging
    (Breiman 1996), is less at the mercy of the users there are than what is best for them.

    Args:
        tried: at least two trials.
        num: how many draws.
        generator: draws them.

    Returns:
        Weights, float64 `[num, members]`.
    """
    num_members = tried.weights.shape[1]
    values = tried.worth.mean(axis=1)
    process = GaussianProcessRegressor(
        ConstantKernel(1.0, (1e-2, 1e3)) * RBF(np.full(num_members, 0.5), (0.05, 10.0))
        + WhiteKernel(1e-2, (1e-6, 1.0)),
        normalize_y=True,
    )
    with warnings.catch_warnings():
        # A length at the end of its range says that a weight hardly counts, which may well be.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(tried.weights, values)
    kernel = process.kernel_
    inverse = np.linalg.inv(kernel(tried.weights))
    drawn = _drawn_means(tried, num, generator)
    drawn -= drawn.mean(axis=0)

    def mean(weights: np.ndarray) -> np.ndarray:
        """The mean of the process for each draw, `[weights, num]`."""
        return kernel.k1(weights, tried.weights) @ (inverse @ drawn)

    looked = np.concatenate([tried.weights, generator.dirichlet(np.ones(num_members), _LOOKS)])
    for round_ in range(_ROUNDS):
        best = np.unique(looked[mean(looked).argmax(axis=0)], axis=0)
        around = best[generator.integers(len(best), size=_LOOKS)]
        # Nearer and nearer, by what is on the way to somewhere else.
        step = generator.random([_LOOKS, 1]) * 0.5**round_
        others = generator.dirichlet(np.ones(num_members), _LOOKS)
        looked = np.concatenate([best, (1.0 - step) * around + step * others])
    return looked[mean(looked).argmax(axis=0)]


def _drawn_means(tried: Tried, num: int, generator: np.random.Generator) -> np.ndarray:
    """The mean of each trial over the events of users drawn with replacement, `[trials, num]`."""
    users, places = np.unique(tried.user, return_inverse=True)
    times = generator.multinomial(len(users), np.full(len(users), 1.0 / len(users)), num)
    of_events = times.T[places].astype(np.float64)
    return tried.worth @ of_events / of_events.sum(axis=0)
