"""Keras Tuner's oracles in three stages: the base, the search, and reruns with other seeds.

An oracle proposes the hyperparameters of the next trial. These resume after a kill at any moment,
and give the trials of lost workers to others.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from tfmmrec.data.storage import write_text
from tfmmrec.errors import ConfigError
from tfmmrec.tuning.config import TuneConfig
from tfmmrec.tuning.search_space import Space

# Marks among the values of a trial, in addition to those of Hyperband.
BASE = "tuner/base"
RERUN_OF = "tuner/rerun_of"
SEED = "tuner/seed"
EPOCHS = "tuner/epochs"
PARENT = "tuner/trial_id"
_MARK = "tuner/"

_IDLE: dict[str, Any] = {"status": TrialStatus.IDLE, "values": None}
_STOPPED: dict[str, Any] = {"status": TrialStatus.STOPPED, "values": None}
# A search is never abandoned because of failed trials.
_MAX_FAILED = 1_000_000


def without_marks(values: dict[str, Any]) -> dict[str, Any]:
    """The hyperparameters among the values of a trial."""
    return {name: value for name, value in values.items() if not name.startswith(_MARK)}


class StagedOracle(keras_tuner.Oracle):
    """A mixin for Keras Tuner's oracles that adds the base, reruns and recovery.

    Args:
        config: of the search.
        space: the search space.
        on_trial_end: is called after each trial.
        **options: of Keras Tuner's oracle.
    """

    _retry_queue: list[str]
    trials: dict[str, Trial]

    def __init__(
        self,
        config: TuneConfig,
        space: Space,
        *,
        on_trial_end: Callable[["StagedOracle", Trial], None] = lambda oracle, trial: None,
        **options: Any,
    ):
        objective = config.base.objective_spec
        super().__init__(
            objective=keras_tuner.Objective(objective.name, objective.direction),
            # Keras Tuner replaces a seed of 0 by a random one.
            seed=config.seed + 1,
            hyperparameters=space.hyperparameters.copy(),
            max_consecutive_failed_trials=_MAX_FAILED,
            **options,
        )
        self._config = config
        self._base_values = space.values
        self._base_is_in_space = space.base_values == space.values
        self._on_trial_end = on_trial_end
        self._reruns: list[dict[str, Any]] | None = None
        self.verbose = 0

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The values of the next trial."""
        if not self.trials:
            return _running({**self._base_values, BASE: 1})
        if self._reruns is None:
            max_trials = self._config.max_trials
            # The base is not counted.
            if max_trials is None or len(self.trials) <= max_trials:
                answer = self.propose(trial_id)
                if answer["status"] != TrialStatus.STOPPED:
                    return answer
            if self.ongoing_trials:
                return _IDLE
            self._reruns = self._all_reruns()
        if self._reruns:
            return _running(self._reruns.pop(0))
        # Idle workers stay, to take the trial of a worker that is lost.
        return _IDLE if self.ongoing_trials else _STOPPED

    def propose(self, trial_id: str) -> dict[str, Any]:
        """The proposal of Keras Tuner's oracle."""
        answer: dict[str, Any] = super().populate_space(trial_id)
        return answer

    def _compute_values_hash(self, values: dict[str, Any]) -> str:
        # If the base is in the search space, its values are not proposed again.
        ignored = (BASE,) if self._base_is_in_space else ()
        values = {name: value for name, value in values.items() if name not in ignored}
        return str(super()._compute_values_hash(values))

    def _all_reruns(self) -> list[dict[str, Any]]:
        """The values of all reruns, ordered by seed, so that finalists have the same seeds."""
        seeds = range(self._config.base.seed + 1, self._config.base.seed + self._config.reruns + 1)
        finalists = [(int(trial.trial_id), self._values(trial)) for trial in self.finalists()]
        return [
            {**values, RERUN_OF: number, SEED: seed}
            for seed in seeds
            for number, values in finalists
        ]

    def _values(self, trial: Trial) -> dict[str, Any]:
        values = trial.hyperparameters.values
        return {**without_marks(values), **({BASE: 1} if BASE in values else {})}

    def finalists(self) -> list[Trial]:
        """The base, if it finished, and the best trials with different values."""
        finished = [t for t in self.trials.values() if t.status == TrialStatus.COMPLETED]
        sign = -1.0 if self.objective.direction == "max" else 1.0
        finished.sort(key=lambda trial: sign * trial.score)
        base = [trial for trial in finished if BASE in trial.hyperparameters.values]
        best: dict[str, Trial] = {}
        for trial in finished:
            if trial not in base and RERUN_OF not in trial.hyperparameters.values:
                # Hyperband trains the same values for several numbers of epochs.
                best.setdefault(json.dumps(self._values(trial), sort_keys=True), trial)
        return [*base, *list(best.values())[: self._config.finalists]]

    @keras_tuner.synchronized
    def end_trial(self, trial: Trial) -> None:
        """Records the end of a trial."""
        super().end_trial(trial)
        # A trial that was also queued for another worker is not run again.
        self._retry_queue = [other for other in self._retry_queue if other != trial.trial_id]
        # Keras Tuner saves before it removes the trial from the running ones.
        self.save()
        self._on_trial_end(self, self.trials[trial.trial_id])

    @keras_tuner.synchronized
    def release(self, tuner_id: str) -> str | None:
        """Queues the trial of a lost worker for another one.

        Returns:
            The id of the trial, or None.
        """
        self.tuner_ids.discard(tuner_id)
        trial = self.ongoing_trials.pop(tuner_id, None)
        if trial is None:
            return None
        self._retry_queue.append(trial.trial_id)
        self.save()
        return str(trial.trial_id)

    @keras_tuner.synchronized
    def workers(self) -> set[str]:
        """The ids of workers that do not know yet that the search is over."""
        return set(self.tuner_ids) | set(self.ongoing_trials)

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "reruns": self._reruns}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self._reruns = state["reruns"]

    def reload(self) -> None:
        """Restores the state of an interrupted search and queues its running trials."""
        super().reload()
        # A trial that was saved without the oracle's state was given to no worker.
        self.trials = {i: trial for i, trial in self.trials.items() if i in self.start_order}
        open_trials = [i for i, t in self.trials.items() if t.status == TrialStatus.RUNNING]
        # The queue is popped from its end.
        self._retry_queue = sorted(open_trials, reverse=True)

    # Keras Tuner writes its files in place, so that a kill may leave a part of one.

    def save(self) -> None:
        """Writes the state of the oracle atomically."""
        write_text(Path(self._get_oracle_fname()), json.dumps(self.get_state()))

    def _save_trial(self, trial: Trial) -> None:
        path = Path(self._get_trial_dir(trial.trial_id)) / "trial.json"
        write_text(path, json.dumps(trial.get_state()))


def _running(values: dict[str, Any]) -> dict[str, Any]:
    return {"status": TrialStatus.RUNNING, "values": values}


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
            self.trials = {i: t for i, t in trials.items() if BASE not in t.hyperparameters.values}
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
        if BASE in last and not self._base_is_in_space:
            return _running(self._base_values)
        values = self._get_next_combination(without_marks(last))
        return _STOPPED if values is None else _running(values)


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
