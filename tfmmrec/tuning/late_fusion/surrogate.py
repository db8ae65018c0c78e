"""A Gaussian-process surrogate of the metric as a function of late-fusion weights."""

import dataclasses
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

# Number of weights per round of the search for an optimum, and number of rounds.
_NUM_CANDIDATES = 2000
_ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class WeightTrials:
    """Weights and their metrics.

    Attributes:
        weights: float `[trials, members]`.
        values: the metric of each event, float `[trials, events]`; higher is better.
        user: of each event, int `[events]`.
    """

    weights: np.ndarray
    values: np.ndarray
    user: np.ndarray


def bootstrap_optima(trials: WeightTrials, num: int, generator: np.random.Generator) -> np.ndarray:
    """The optimum of a Gaussian process over the trials, for bootstrap samples of the users.

    A ranking metric is a step function of the weights and flat near its optimum, so that the best
    trial is a matter of luck. The process has a noise term, which smooths the steps. The optimum
    still depends on the users; bootstrap samples show how much. The mean of the optima (bagging,
    Breiman 1996) depends less on the users at hand than the optimum for exactly these users.

    Args:
        trials: at least two.
        num: number of bootstrap samples.
        generator: of the random numbers.

    Returns:
        Weights, float64 `[num, members]`.
    """
    num_members = trials.weights.shape[1]
    process = GaussianProcessRegressor(
        ConstantKernel(1.0, (1e-2, 1e3)) * RBF(np.full(num_members, 0.5), (0.05, 10.0))
        + WhiteKernel(1e-2, (1e-6, 1.0)),
        normalize_y=True,
    )
    with warnings.catch_warnings():
        # A length scale at the end of its range means a weight without effect, which is possible.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(trials.weights, trials.values.mean(axis=1))
    kernel = process.kernel_
    inverse = np.linalg.inv(kernel(trials.weights))
    samples = _bootstrap_means(trials, num, generator)
    samples -= samples.mean(axis=0)

    def mean(weights: np.ndarray) -> np.ndarray:
        """The mean of the process for each sample, `[weights, num]`."""
        return kernel.k1(weights, trials.weights) @ (inverse @ samples)

    uniform = generator.dirichlet(np.ones(num_members), _NUM_CANDIDATES)
    candidates = np.concatenate([trials.weights, uniform])
    for round_ in range(_ROUNDS):
        best = np.unique(candidates[mean(candidates).argmax(axis=0)], axis=0)
        around = best[generator.integers(len(best), size=_NUM_CANDIDATES)]
        # Steps from an optimum towards a random point, half as long in each round.
        step = generator.random([_NUM_CANDIDATES, 1]) * 0.5**round_
        others = generator.dirichlet(np.ones(num_members), _NUM_CANDIDATES)
        candidates = np.concatenate([best, (1.0 - step) * around + step * others])
    return candidates[mean(candidates).argmax(axis=0)]


def _bootstrap_means(trials: WeightTrials, num: int, generator: np.random.Generator) -> np.ndarray:
    """The mean of each trial over bootstrap samples of the users, `[trials, num]`."""
    users, positions = np.unique(trials.user, return_inverse=True)
    counts = generator.multinomial(len(users), np.full(len(users), 1.0 / len(users)), num)
    of_events = counts.T[positions].astype(np.float64)
    return trials.values @ of_events / of_events.sum(axis=0)
