"""Keras Tuner searches the weights of a late fusion."""

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
from tfmmrec.tuning.late_fusion.surrogate import Tried, peaks

TUNERS = ("bayesian", "random")
# An item that has nothing but what has no weight would be in no answer.
_LEAST = 0.001
# How many proposals come of one picture of the trials, and how many draws say what is best.
_BATCH = 20
_DRAWS = 100


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        weights: the best, float64 `[members]`, their sum one.
        worth: the metric of each event with them, float64 `[events]`.
        tried: the trials, in order.
    """

    weights: np.ndarray
    worth: np.ndarray
    tried: Tried


def search_weights(
    scores: MemberScores,
    objective: Objective,
    starts: Sequence[np.ndarray],
    *,
    tuner: str = "bayesian",
    trials: int = 100,
    seed: int = 0,
) -> Found:
    """Searches the simplex of the weights.

    What is found is not the best trial but the mean peak of what all trials tell, see `peaks`. It
    is measured like a trial, but is none.

    Args:
        scores: of the members.
        objective: a metric of ranking.
        starts: weights that are tried first.
        tuner: `random`, or `bayesian`: after a third of the trials, others are tried where the
            trials so far promise most for some draw of the users.
        trials: how many, those of `starts` among them.
        seed: of the search.
    """
    runner = _Trials(scores, objective)
    hyperparameters = keras_tuner.HyperParameters()
    for name in scores.names[:-1]:
        hyperparameters.Float(name, 0.0, 1.0)
    oracle = _ORACLES[tuner](
        runner,
        starts,
        objective=keras_tuner.Objective(objective.name, objective.direction),
        max_trials=trials,
        hyperparameters=hyperparameters,
        # A seed of 0 would be drawn anew.
        seed=seed + 1,
    )
    with tempfile.TemporaryDirectory() as folder:
        _Tuner(oracle, runner, folder).search(verbose=0)
    tried = runner.tried()
    best = peaks(tried, _DRAWS, np.random.default_rng(seed)).mean(axis=0)
    best = np.maximum(best, _LEAST)
    best = np.round(best / best.sum(), 4)
    return Found(best, runner.measure(best), tried)


class _Trials:
    """Measures weights, and keeps what it measured."""

    def __init__(self, scores: MemberScores, objective: Objective):
        self.scores = scores
        self._objective = objective
        self._done: list[tuple[np.ndarray, np.ndarray]] = []

    def measure(self, weights: np.ndarray) -> np.ndarray:
        ranks = self.scores.ranks(weights)
        cutoffs = [] if self._objective.cutoff is None else [self._objective.cutoff]
        return target_metrics(ranks, cutoffs)[self._objective.name]

    def run(self, breaks: Sequence[float]) -> float:
        weights = to_weights(breaks)
        self._done.append((weights, self.measure(weights)))
        return float(self._done[-1][1].mean())

    def tried(self) -> Tried:
        weights, worth = zip(*self._done, strict=True)
        return Tried(np.stack(weights), np.stack(worth), self.scores.user)


class _RandomOracle(keras_tuner.oracles.RandomSearchOracle):
    """Says what to try: first what it is told to, then what is drawn by chance."""

    def __init__(self, trials: _Trials, starts: Sequence[np.ndarray], **options: Any):
        super().__init__(**options)
        self._done = trials
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
        """Adds to what is to be tried."""


class _BayesianOracle(_RandomOracle):
    """After a third of the trials, says what their picture promises most.

    Keras Tuner's own Bayesian oracle fits and climbs its Gaussian process anew for each trial, 50
    times point by point: of 7 weights, 60 trials took four minutes, 2 seconds of which to measure.
    Here one fit gives proposals for many trials, each the best for another draw of the users.
    """

    def refill(self) -> None:
        done = len(self.trials)
        if not self._queue and done >= max(2, (self.max_trials or 0) // 3):
            generator = np.random.default_rng([self.seed, done])
            self._queue = [to_breaks(w) for w in peaks(self._done.tried(), _BATCH, generator)]


_ORACLES = {"bayesian": _BayesianOracle, "random": _RandomOracle}


class _Tuner(BaseTuner):
    """Keras Tuner's loop over trials; `keras_tuner.Tuner` would ask for a model of Keras 3."""

    def __init__(self, oracle: keras_tuner.Oracle, trials: _Trials, folder: str):
        super().__init__(oracle=oracle, directory=folder, project_name="weights")
        self._trials = trials

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        values = trial.hyperparameters.values
        breaks = [values[hp.name] for hp in self.oracle.get_space().space]
        return {self.oracle.objective.name: self._trials.run(breaks)}
