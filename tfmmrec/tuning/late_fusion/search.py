"""The search for late-fusion weights with Keras Tuner."""

import dataclasses
import tempfile
from collections.abc import Sequence
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus

from tfmmrec.config.objective import Objective
from tfmmrec.evaluation.metrics.ranking import target_metrics
from tfmmrec.tuning.late_fusion.member_scores import MemberScores
from tfmmrec.tuning.late_fusion.simplex import to_breaks, to_weights
from tfmmrec.tuning.late_fusion.surrogate import WeightTrials, bootstrap_optima

TUNERS = ("bayesian", "random")
# An item whose only member had weight 0 could not be ranked.
_MIN_WEIGHT = 0.001
# Number of proposals per fit of the surrogate, and of bootstrap samples for the final weights.
_NUM_PROPOSALS = 20
_NUM_SAMPLES = 100


@dataclasses.dataclass(frozen=True)
class WeightSearch:
    """The result of a search.

    Attributes:
        weights: the best weights, float64 `[members]`, with sum one.
        values: the metric of each event with these weights, float64 `[events]`.
        trials: the trials in order.
    """

    weights: np.ndarray
    values: np.ndarray
    trials: WeightTrials


def search_weights(
    scores: MemberScores,
    objective: Objective,
    starts: Sequence[np.ndarray],
    *,
    tuner: str = "bayesian",
    trials: int = 100,
    seed: int = 0,
) -> WeightSearch:
    """Searches the simplex of the weights.

    The result is not the best trial but the mean optimum of a surrogate that is fitted to all
    trials, see `bootstrap_optima`. It is measured like a trial, but it is not one of them.

    Args:
        scores: of the members.
        objective: a ranking metric.
        starts: weights of the first trials.
        tuner: `random`, or `bayesian`: after a third of the trials, the optima of the surrogate for
            bootstrap samples of the users are tried.
        trials: number of trials, those of `starts` included.
        seed: of the search.
    """
    evaluator = _WeightEvaluator(scores, objective)
    hyperparameters = keras_tuner.HyperParameters()
    for name in scores.names[:-1]:
        hyperparameters.Float(name, 0.0, 1.0)
    oracle = _ORACLES[tuner](
        evaluator,
        starts,
        objective=keras_tuner.Objective(objective.name, objective.direction),
        max_trials=trials,
        hyperparameters=hyperparameters,
        # Keras Tuner replaces a seed of 0 by a random one.
        seed=seed + 1,
    )
    with tempfile.TemporaryDirectory() as folder:
        _Tuner(oracle, evaluator, folder).search(verbose=0)
    measured = evaluator.trials()
    optima = bootstrap_optima(measured, _NUM_SAMPLES, np.random.default_rng(seed))
    best = np.maximum(optima.mean(axis=0), _MIN_WEIGHT)
    best = np.round(best / best.sum(), 4)
    return WeightSearch(best, evaluator.measure(best), measured)


class _WeightEvaluator:
    """Measures weights and stores the trials."""

    def __init__(self, scores: MemberScores, objective: Objective):
        self.scores = scores
        self._objective = objective
        self._trials: list[tuple[np.ndarray, np.ndarray]] = []

    def measure(self, weights: np.ndarray) -> np.ndarray:
        ranks = self.scores.ranks(weights)
        cutoffs = [] if self._objective.cutoff is None else [self._objective.cutoff]
        return target_metrics(ranks, cutoffs)[self._objective.name]

    def run_trial(self, breaks: Sequence[float]) -> float:
        weights = to_weights(breaks)
        self._trials.append((weights, self.measure(weights)))
        return float(self._trials[-1][1].mean())

    def trials(self) -> WeightTrials:
        weights, values = zip(*self._trials, strict=True)
        return WeightTrials(np.stack(weights), np.stack(values), self.scores.user)


class _RandomOracle(keras_tuner.oracles.RandomSearchOracle):
    """Proposes the starts first, then random weights."""

    def __init__(self, evaluator: _WeightEvaluator, starts: Sequence[np.ndarray], **options: Any):
        super().__init__(**options)
        self._evaluator = evaluator
        self._queue = [to_breaks(weights) for weights in starts]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        self.refill()
        if not self._queue:
            answer: dict[str, Any] = super().populate_space(trial_id)
            return answer
        names = [hp.name for hp in self.hyperparameters.space]
        values = dict(zip(names, map(float, self._queue.pop(0)), strict=True))
        return {"status": TrialStatus.RUNNING, "values": values}

    def refill(self) -> None:
        """Adds proposals to the queue."""


class _BayesianOracle(_RandomOracle):
    """Proposes the optima of a surrogate after a third of the trials.

    Ours instead of Keras Tuner's Bayesian oracle, which fits and climbs its Gaussian process for
    each trial, 50 times point by point: 60 trials of 7 weights took four minutes, of which two
    seconds were measurements. Here one fit gives proposals for many trials, each the optimum for
    another bootstrap sample of the users.
    """

    def refill(self) -> None:
        done = len(self.trials)
        if not self._queue and done >= max(2, (self.max_trials or 0) // 3):
            generator = np.random.default_rng([self.seed, done])
            optima = bootstrap_optima(self._evaluator.trials(), _NUM_PROPOSALS, generator)
            self._queue = [to_breaks(weights) for weights in optima]


_ORACLES = {"bayesian": _BayesianOracle, "random": _RandomOracle}


class _Tuner(BaseTuner):
    """Keras Tuner's loop over trials; `keras_tuner.Tuner` requires a Keras 3 model."""

    def __init__(self, oracle: keras_tuner.Oracle, evaluator: _WeightEvaluator, folder: str):
        super().__init__(oracle=oracle, directory=folder, project_name="weights")
        self._evaluator = evaluator

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        values = trial.hyperparameters.values
        breaks = [values[hp.name] for hp in self.oracle.get_space().space]
        return {self.oracle.objective.name: self._evaluator.run_trial(breaks)}
