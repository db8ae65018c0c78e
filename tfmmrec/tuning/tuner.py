"""Keras Tuner's loop over trials, without its models of Keras 3."""

import contextlib
import io
import json
import time
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.src import config as keras_tuner_config

from tfmmrec.data.plain_paths import plain_path
from tfmmrec.data.storage import write_text
from tfmmrec.tuning.staged_oracle import StagedOracle
from tfmmrec.tuning.trial_runner import TrialRunner

_PROJECT = "tuner"
_INTERVAL = 0.5


class Tuner(keras_tuner.Tuner):
    """Runs the trials that an oracle proposes.

    Keras Tuner's own trials require models of Keras 3, and its checkpoints fail on TPUs without a
    local disk (keras-tuner issue 308). Ours keep the best weights in memory.

    Args:
        oracle: proposes the trials.
        runner: trains them; None in a chief, whose workers train.
        folder: of the search.
    """

    def __init__(self, oracle: StagedOracle, runner: TrialRunner | None, folder: Path):
        self._runner = runner
        self._is_idle = False
        # The record has the error of a failed trial; with DEBUG, Keras Tuner prints its traceback.
        keras_tuner_config.DEBUG = False
        # Keras Tuner prints that it resumes.
        with contextlib.redirect_stdout(io.StringIO()):
            # It looks for its trials by a pattern below the directory.
            super().__init__(oracle=oracle, directory=plain_path(folder), project_name=_PROJECT)
        # A search can then be resumed from its first trial on.
        self.save()

    def save(self) -> None:
        """Writes the state of the oracle; that of the tuner is constant and written once."""
        if not self._is_worker():
            self.oracle.save()
        path = Path(self._get_tuner_fname())
        if not path.exists():
            write_text(path, json.dumps(self.get_state()))

    def _get_tuner_fname(self) -> str:
        # The same name without and with workers, so that either can resume the other's search.
        name = self.tuner_id if self._is_worker() else "chief"
        return str(Path(self.project_dir) / f"{name}.json")

    def pre_create_trial(self) -> None:
        """Waits briefly if the oracle had no trial at the last request."""
        if self._is_idle:
            time.sleep(_INTERVAL)
        self._is_idle = True

    def on_trial_begin(self, trial: Any) -> None:
        self._is_idle = False

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Trains a trial and returns the objective."""
        assert self._runner is not None  # A chief runs no trials.
        record = self._runner.run(int(trial.trial_id), trial.hyperparameters.values)
        if "error" in record:
            raise keras_tuner.errors.FailedTrialError(record["error"])
        name = self.oracle.objective.name
        return {name: record["metrics"][name]}
