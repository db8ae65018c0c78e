"""Keras Tuner's oracles, which say what to try next, and what we ask of them besides.

An oracle of ours first hands out the training that the search starts from, then what its own way of
searching says and, when all of that is done, the best of it once more with other seeds. It outlives
a kill at any moment, and workers that are lost.
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

# Marks among a trial's values, beside those that Hyperband sets.
BASE = "tuner/base"
OF = "tuner/of"
SEED = "tuner/seed"
EPOCHS = "tuner/epochs"
PARENT = "tuner/trial_id"
_MARK = "tuner/"

_IDLE: dict[str, Any] = {"status": TrialStatus.IDLE, "values": None}
_STOPPED: dict[str, Any] = {"status": TrialStatus.STOPPED, "values": None}
# None of ours fails so often in a row that a search has to be given up.
_MANY = 1_000_000


def drawn(values: dict[str, Any]) -> dict[str, Any]:
    """The values of hyperparameters, without marks."""
    return {name: value for name, value in values.items() if not name.startswith(_MARK)}


class Staged(keras_tuner.Oracle):
    """What all oracles have in common, to be put before one of Keras Tuner's.

    Args:
        config: how to search.
        space: what.
        told: is told of each trial that ended.
        **options: of Keras Tuner's oracle.
    """

    _retry_queue: list[str]
    trials: dict[str, Trial]

    def __init__(
        self,
        config: TuneConfig,
        space: Space,
        *,
        told: Callable[["Staged", Trial], None] = lambda oracle, trial: None,
        **options: Any,
    ):
        objective = config.base.objective_spec
        super().__init__(
            objective=keras_tuner.Objective(objective.name, objective.direction),
            # A seed of 0 would be drawn anew.
            seed=config.seed + 1,
            hyperparameters=space.hyperparameters.copy(),
            max_consecutive_failed_trials=_MANY,
            **options,
        )
        self._config = config
        self._base_values = space.values
        self._base_is_drawn = space.own_values == space.values
        self._told = told
        self._again: list[dict[str, Any]] | None = None
        self.verbose = 0

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """What to try next."""
        if not self.trials:
            return _running({**self._base_values, BASE: 1})
        if self._again is None:
            most = self._config.most_trials
            # The base is one more.
            if most is None or len(self.trials) <= most:
                answer = self.draw(trial_id)
                if answer["status"] != TrialStatus.STOPPED:
                    return answer
            if self.ongoing_trials:
                return _IDLE
            self._again = self._repeated()
        if self._again:
            return _running(self._again.pop(0))
        # Whoever has nothing to do stays to take the trial of a worker that is lost.
        return _IDLE if self.ongoing_trials else _STOPPED

    def draw(self, trial_id: str) -> dict[str, Any]:
        """What Keras Tuner's oracle says to try next."""
        answer: dict[str, Any] = super().populate_space(trial_id)
        return answer

    def _compute_values_hash(self, values: dict[str, Any]) -> str:
        # The base is one of the space, and need not be drawn once more.
        marks = (BASE,) if self._base_is_drawn else ()
        kept = {name: value for name, value in values.items() if name not in marks}
        return str(super()._compute_values_hash(kept))

    def _repeated(self) -> list[dict[str, Any]]:
        """The values of the trials with other seeds, one seed of all finalists after the other."""
        seeds = range(self._config.base.seed + 1, self._config.base.seed + self._config.reruns + 1)
        found = [(int(trial.trial_id), self._values(trial)) for trial in self.finalists()]
        return [{**values, OF: number, SEED: seed} for seed in seeds for number, values in found]

    def _values(self, trial: Trial) -> dict[str, Any]:
        values = trial.hyperparameters.values
        return {**drawn(values), **({BASE: 1} if BASE in values else {})}

    def finalists(self) -> list[Trial]:
        """The best trials with different values, and the base where it finished."""
        finished = [t for t in self.trials.values() if t.status == TrialStatus.COMPLETED]
        sign = -1.0 if self.objective.direction == "max" else 1.0
        finished.sort(key=lambda trial: sign * trial.score)
        base = [trial for trial in finished if BASE in trial.hyperparameters.values]
        best: dict[str, Trial] = {}
        for trial in finished:
            if trial not in base and OF not in trial.hyperparameters.values:
                # Hyperband trains the same values for longer and longer.
                best.setdefault(json.dumps(self._values(trial), sort_keys=True), trial)
        return [*base, *list(best.values())[: self._config.finalists]]

    @keras_tuner.synchronized
    def end_trial(self, trial: Trial) -> None:
        """Takes note of what became of a trial."""
        super().end_trial(trial)
        # One that was given to another meanwhile need not be done again.
        self._retry_queue = [other for other in self._retry_queue if other != trial.trial_id]
        # Keras Tuner saves before it takes the trial from those that are going on.
        self.save()
        self._told(self, self.trials[trial.trial_id])

    @keras_tuner.synchronized
    def release(self, tuner_id: str) -> str | None:
        """Takes its trial away from a worker that is lost, for another to do it.

        Returns:
            The trial, if it had one.
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
        """The ids of those who have not been told yet that there is no more to do."""
        return set(self.tuner_ids) | set(self.ongoing_trials)

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "again": self._again}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self._again = state["again"]

    def reload(self) -> None:
        """Goes on where a process was stopped, with the trials that were going on then."""
        super().reload()
        # Nobody was given a trial of which the oracle does not know; it is drawn anew.
        self.trials = {i: trial for i, trial in self.trials.items() if i in self.start_order}
        open_trials = [i for i, t in self.trials.items() if t.status == TrialStatus.RUNNING]
        # The first is taken from the end.
        self._retry_queue = sorted(open_trials, reverse=True)

    # Keras Tuner writes its files in place, so that a kill may leave a half of them.

    def save(self) -> None:
        """Writes what the oracle knows, whole or not at all."""
        write_text(Path(self._get_oracle_fname()), json.dumps(self.get_state()))

    def _save_trial(self, trial: Trial) -> None:
        path = Path(self._get_trial_dir(trial.trial_id)) / "trial.json"
        write_text(path, json.dumps(trial.get_state()))


def _running(values: dict[str, Any]) -> dict[str, Any]:
    return {"status": TrialStatus.RUNNING, "values": values}


class RandomSearch(Staged, keras_tuner.oracles.RandomSearchOracle):
    """Values drawn by chance, none twice."""


class BayesianOptimization(Staged, keras_tuner.oracles.BayesianOptimizationOracle):
    """Values where a Gaussian process over the finished trials hopes for most, none twice."""

    def draw(self, trial_id: str) -> dict[str, Any]:
        """Where hope is highest, or by chance where that has been tried."""
        answer = super().draw(trial_id)
        if answer["status"] == TrialStatus.RUNNING and self._duplicate(answer["values"]):
            chance: dict[str, Any] = self._random_populate_space()
            return chance
        return answer

    def _vectorize_trials(self) -> Any:
        trials = self.trials
        if not self._base_is_drawn:
            # It is no point of the space, and says nothing of those beside it.
            self.trials = {i: t for i, t in trials.items() if BASE not in t.hyperparameters.values}
        try:
            return super()._vectorize_trials()
        finally:
            self.trials = trials


class Hyperband(Staged, keras_tuner.oracles.HyperbandOracle):
    """Many short trainings, of which the best go on (Li et al. 2018, JMLR 18)."""

    hyperband_iterations: float

    def draw(self, trial_id: str) -> dict[str, Any]:
        """A new one, or the best that may go on.

        Keras Tuner waits for ever for trials that failed; here they are the worst of their round.
        """
        failed = [t for t in self.trials.values() if t.status == TrialStatus.FAILED]
        worst = -math.inf if self.objective.direction == "max" else math.inf
        for trial in failed:
            trial.status, trial.score = TrialStatus.COMPLETED, worst
        try:
            return super().draw(trial_id)
        finally:
            for trial in failed:
                trial.status, trial.score = TrialStatus.FAILED, None

    def least(self) -> int:
        """How many trials the first bracket has."""
        bracket = self._get_num_brackets() - 1
        return sum(self._get_size(bracket, number) for number in range(bracket + 1))

    def set_state(self, state: dict[str, Any]) -> None:
        iterations: float = self.hyperband_iterations
        super().set_state(state)
        # More may be asked for than before.
        self.hyperband_iterations = iterations


class GridSearch(Staged, keras_tuner.oracles.GridSearchOracle):
    """All combinations, one after the other; of a range without steps, some ten values."""

    def draw(self, trial_id: str) -> dict[str, Any]:
        """The combination behind the last one.

        Keras Tuner's own keeps where it is in what it does not save, and ends after a kill.
        """
        last = self.trials[self.start_order[-1]].hyperparameters.values
        if BASE in last and not self._base_is_drawn:
            return _running(self._base_values)
        values = self._get_next_combination(drawn(last))
        return _STOPPED if values is None else _running(values)


def create_oracle(
    config: TuneConfig, space: Space, told: Callable[[Staged, Trial], None]
) -> Staged:
    """Makes the oracle that a tuning file names.

    Raises:
        ConfigError: it needs more trials.
    """
    kind, options = {
        "random": (RandomSearch, {"max_trials": None}),
        "bayesian": (BayesianOptimization, _bayesian(config, space)),
        "hyperband": (Hyperband, _hyperband(config)),
        "grid": (GridSearch, {"max_trials": None}),
    }[config.tuner]
    oracle = kind(config, space, told=told, **options)
    most = config.most_trials
    if isinstance(oracle, Hyperband) and most is not None and most < oracle.least():
        raise ConfigError(
            f"trials: the first bracket of hyperband has {oracle.least()} where trainings have "
            f"{config.base.epochs} epochs; give more, or fewer epochs. Received: {most}"
        )
    return oracle


def _hyperband(config: TuneConfig) -> dict[str, Any]:
    """One iteration, or as many as there are trials for."""
    iterations = 1 if config.most_trials is None else config.most_trials
    return {"max_epochs": config.base.epochs, "hyperband_iterations": iterations}


def _bayesian(config: TuneConfig, space: Space) -> dict[str, Any]:
    """How many trials are drawn by chance first.

    Keras Tuner would draw three times as many as there are hyperparameters, which leaves nothing of
    a search of usual length.
    """
    most = config.most_trials or 0
    return {
        "max_trials": None,
        "num_initial_points": max(3, min(3 * len(space.values), most // 3)),
    }
