"""The stages that all oracles share: the base, the search, and reruns with other seeds.

An oracle proposes the hyperparameters of the next trial. A staged oracle resumes after a kill at
any moment, and gives the trials of lost workers to others.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from tfmmrec.config.tune_config import TuneConfig
from tfmmrec.data.storage import write_text
from tfmmrec.tuning import marks
from tfmmrec.tuning.search_space import Space

IDLE: dict[str, Any] = {"status": TrialStatus.IDLE, "values": None}
STOPPED: dict[str, Any] = {"status": TrialStatus.STOPPED, "values": None}
# A search is never abandoned because of failed trials.
_MAX_FAILED = 1_000_000


def running(values: dict[str, Any]) -> dict[str, Any]:
    """The answer of an oracle that proposes a trial."""
    return {"status": TrialStatus.RUNNING, "values": values}


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
            return running({**self._base_values, marks.BASE: 1})
        if self._reruns is None:
            max_trials = self._config.max_trials
            # The base is not counted.
            if max_trials is None or len(self.trials) <= max_trials:
                answer = self.propose(trial_id)
                if answer["status"] != TrialStatus.STOPPED:
                    return answer
            if self.ongoing_trials:
                return IDLE
            self._reruns = self._all_reruns()
        if self._reruns:
            return running(self._reruns.pop(0))
        # Idle workers stay, to take the trial of a worker that is lost.
        return IDLE if self.ongoing_trials else STOPPED

    def propose(self, trial_id: str) -> dict[str, Any]:
        """The proposal of Keras Tuner's oracle."""
        answer: dict[str, Any] = super().populate_space(trial_id)
        return answer

    def _compute_values_hash(self, values: dict[str, Any]) -> str:
        # If the base is in the search space, its values are not proposed again.
        ignored = (marks.BASE,) if self._base_is_in_space else ()
        values = {name: value for name, value in values.items() if name not in ignored}
        return str(super()._compute_values_hash(values))

    def _all_reruns(self) -> list[dict[str, Any]]:
        """The values of all reruns, ordered by seed, so that finalists have the same seeds."""
        seeds = range(self._config.base.seed + 1, self._config.base.seed + self._config.reruns + 1)
        finalists = [(int(trial.trial_id), self._values(trial)) for trial in self.finalists()]
        return [
            {**values, marks.RERUN_OF: number, marks.SEED: seed}
            for seed in seeds
            for number, values in finalists
        ]

    def _values(self, trial: Trial) -> dict[str, Any]:
        values = trial.hyperparameters.values
        return {**marks.without_marks(values), **({marks.BASE: 1} if marks.BASE in values else {})}

    def finalists(self) -> list[Trial]:
        """The base, if it finished, and the best trials with different values."""
        finished = [t for t in self.trials.values() if t.status == TrialStatus.COMPLETED]
        sign = -1.0 if self.objective.direction == "max" else 1.0
        finished.sort(key=lambda trial: sign * trial.score)
        base = [trial for trial in finished if marks.BASE in trial.hyperparameters.values]
        best: dict[str, Trial] = {}
        for trial in finished:
            if trial not in base and marks.RERUN_OF not in trial.hyperparameters.values:
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
