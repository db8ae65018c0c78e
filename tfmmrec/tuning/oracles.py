"""The oracles of the four tuners."""

import math
from collections.abc import Callable
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from tfmmrec.config.tune_config import TuneConfig
from tfmmrec.errors import ConfigError
from tfmmrec.tuning import marks
from tfmmrec.tuning.search_space import Space
from tfmmrec.tuning.staged_oracle import STOPPED, StagedOracle, running


class RandomSearch(StagedOracle, keras_tuner.oracles.RandomSearchOracle):
    """Random values, none twice."""


class BayesianOptimization(StagedOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Values that maximize the upper confidence bound of a Gaussian process, none twice."""

    def propose(self, trial_id: str) -> dict[str, Any]:
        """The proposal of the process, or random values if that has been tried."""
        answer = super().propose(trial_id)
        if answer["status"] == TrialStatus.RUNNING and self._duplicate(answer["values"]):
            random: dict[str, Any] = self._random_populate_space()
            return random
        return answer

    def _vectorize_trials(self) -> Any:
        trials = self.trials
        if not self._base_is_in_space:
            # The base is not a point of the search space.
            self.trials = {
                i: t for i, t in trials.items() if marks.BASE not in t.hyperparameters.values
            }
        try:
            return super()._vectorize_trials()
        finally:
            self.trials = trials


class Hyperband(StagedOracle, keras_tuner.oracles.HyperbandOracle):
    """Many short trainings, the best of which continue (Li et al. 2018, JMLR 18)."""

    hyperband_iterations: float

    def propose(self, trial_id: str) -> dict[str, Any]:
        """A new trial, or the continuation of one of the best.

        Keras Tuner waits forever for failed trials; here they rank last in their round.
        """
        failed = [t for t in self.trials.values() if t.status == TrialStatus.FAILED]
        worst = -math.inf if self.objective.direction == "max" else math.inf
        for trial in failed:
            trial.status, trial.score = TrialStatus.COMPLETED, worst
        try:
            return super().propose(trial_id)
        finally:
            for trial in failed:
                trial.status, trial.score = TrialStatus.FAILED, None

    def min_trials(self) -> int:
        """The number of trials of the first bracket."""
        bracket = self._get_num_brackets() - 1
        return sum(self._get_size(bracket, number) for number in range(bracket + 1))

    def set_state(self, state: dict[str, Any]) -> None:
        iterations: float = self.hyperband_iterations
        super().set_state(state)
        # A resumed search may have more trials.
        self.hyperband_iterations = iterations


class GridSearch(StagedOracle, keras_tuner.oracles.GridSearchOracle):
    """All combinations; about ten values of a range without steps."""

    def propose(self, trial_id: str) -> dict[str, Any]:
        """The combination after the last one.

        Keras Tuner's own oracle does not save its position, so that it ends after a kill.
        """
        last = self.trials[self.start_order[-1]].hyperparameters.values
        if marks.BASE in last and not self._base_is_in_space:
            return running(self._base_values)
        values = self._get_next_combination(marks.without_marks(last))
        return STOPPED if values is None else running(values)


def create_oracle(
    config: TuneConfig, space: Space, on_trial_end: Callable[[StagedOracle, Trial], None]
) -> StagedOracle:
    """Creates the oracle that a tuning file names.

    Args:
        config: of the search.
        space: the search space.
        on_trial_end: is called with the oracle and each trial that ended.

    Raises:
        ConfigError: the oracle needs more trials.
    """
    kind, options = {
        "random": (RandomSearch, {"max_trials": None}),
        "bayesian": (BayesianOptimization, _bayesian(config, space)),
        "hyperband": (Hyperband, _hyperband(config)),
        "grid": (GridSearch, {"max_trials": None}),
    }[config.tuner]
    oracle = kind(config, space, on_trial_end=on_trial_end, **options)
    num_trials = config.max_trials
    if (
        isinstance(oracle, Hyperband)
        and num_trials is not None
        and num_trials < oracle.min_trials()
    ):
        raise ConfigError(
            f"trials: the first bracket of hyperband has {oracle.min_trials()} trials for "
            f"{config.base.epochs} epochs; give more trials or fewer epochs. Received: {num_trials}"
        )
    return oracle


def _hyperband(config: TuneConfig) -> dict[str, Any]:
    """The options of Hyperband: one iteration, or as many as `trials` allows."""
    iterations = 1 if config.max_trials is None else config.max_trials
    return {"max_epochs": config.base.epochs, "hyperband_iterations": iterations}


def _bayesian(config: TuneConfig, space: Space) -> dict[str, Any]:
    """The options of the Bayesian oracle, with the number of random trials at its start.

    Keras Tuner's default, three per hyperparameter, would leave no other trials in a search of the
    usual length.
    """
    max_trials = config.max_trials or 0
    return {
        "max_trials": None,
        "num_initial_points": max(3, min(3 * len(space.values), max_trials // 3)),
    }
