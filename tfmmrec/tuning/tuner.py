"""Keras Tuner's loop over trials, which train here and not by Keras 3."""

import contextlib
import io
import json
import time
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.src import config as keras_tuner_config

from tfmmrec.data.storage import write_text
from tfmmrec.tuning.oracles import Staged
from tfmmrec.tuning.trial_runner import TrialRunner

_PROJECT = "tuner"
_PAUSE = 0.5


class Tuner(keras_tuner.Tuner):
    """Runs what an oracle says, by a runner of trials.

    Keras Tuner's own trials ask for models of Keras 3, and its checkpoints fail on TPUs that see no
    local disk (its issue 308). Ours keep the best weights in memory.

    Args:
        oracle: says what to try.
        runner: does it; None where other processes do.
        folder: of the search.
    """

    def __init__(self, oracle: Staged, runner: TrialRunner | None, folder: Path):
        self._runner = runner
        self._waits = False
        # Why a trial failed stands in its record; Keras Tuner would print where as well.
        keras_tuner_config.DEBUG = False
        # It says on the screen that it goes on.
        with contextlib.redirect_stdout(io.StringIO()):
            super().__init__(oracle=oracle, directory=str(folder), project_name=_PROJECT)
        # So that there is something to go on with from the first trial on.
        self.save()

    def save(self) -> None:
        """Writes where the search is; the tuner itself knows nothing, and is written once."""
        if not self._is_worker():
            self.oracle.save()
        path = Path(self._get_tuner_fname())
        if not path.exists():
            write_text(path, json.dumps(self.get_state()))

    def _get_tuner_fname(self) -> str:
        # One name for a process that is alone and for a chief, so that either goes on with what
        # the other began.
        name = self.tuner_id if self._is_worker() else "lead"
        return str(Path(self.project_dir) / f"{name}.json")

    def pre_create_trial(self) -> None:
        """Waits a little where the last answer was that there is nothing to do yet."""
        if self._waits:
            time.sleep(_PAUSE)
        self._waits = True

    def on_trial_begin(self, trial: Any) -> None:
        self._waits = False

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Trains, and returns the metric."""
        assert self._runner is not None  # A chief does not search.
        record = self._runner.run(int(trial.trial_id), trial.hyperparameters.values)
        if "error" in record:
            raise keras_tuner.errors.FailedTrialError(record["error"])
        name = self.oracle.objective.name
        return {name: record["metrics"][name]}
