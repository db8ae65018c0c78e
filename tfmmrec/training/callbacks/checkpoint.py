"""Checkpoints within and after epochs, from which an interrupted training resumes."""

import dataclasses
import json
from typing import Any

import tensorflow as tf

from tfmmrec.distribute.checkpoint_options import checkpoint_options
from tfmmrec.errors import DataError
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.training.callbacks.base import StepCallback, is_due
from tfmmrec.training.callbacks.finite_check import FiniteCheck
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.history import TrainingHistory
from tfmmrec.training.optimizer_step import OptimizerStep

# Options that may differ between a checkpoint and the training that resumes from it.
_FREE_OPTIONS = {"patience", "cache", "quiet", "learning_rate", "checkpoints", "checkpoint_steps"}


class CheckpointCallback(StepCallback):
    """Keeps the last and the best checkpoint, and restores them.

    Ours instead of Keras' BackupAndRestore: that does not restore the position in the dataset, so
    that a resumed training would not end with the same bits.

    Args:
        bundle: the model, its data and its config.
        optimizer_step: the state of the training besides the model.
        history: is part of a checkpoint.
        checkpoints: the folder.
        steps_per_epoch: of the training.
        finite_check: is made before a checkpoint within an epoch.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        optimizer_step: OptimizerStep,
        history: TrainingHistory,
        checkpoints: Checkpoints,
        *,
        steps_per_epoch: int,
        finite_check: FiniteCheck,
    ):
        super().__init__()
        self._history = history
        self._checkpoints = checkpoints
        self._steps_per_epoch = steps_per_epoch
        self._interval = bundle.config.checkpoint_steps
        self._finite_check = finite_check
        self._average = optimizer_step.average
        self._checkpoint = tf.train.Checkpoint(model=bundle.model, optimizer_step=optimizer_step)
        self._io = checkpoint_options(bundle.model.distribute_strategy)
        self._fingerprint = _fingerprint(bundle)

    def on_steps_end(self, previous: int, step: int) -> None:
        if (
            step < self._steps_per_epoch
            and self._interval
            and is_due(self._interval, previous, step)
        ):
            self._finite_check.check_weights()
            self._save(f"epoch-{self.epoch}-step-{step}", self.epoch, step)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._save(f"epoch-{epoch + 1}", epoch + 1, 0)

    def restore(self) -> tuple[int, int]:
        """Restores the last checkpoint, if there is one.

        Returns:
            The epoch to resume with, from 0, and the number of its steps that are done.

        Raises:
            DataError: the checkpoint is of another config or of other data.
        """
        state = self._checkpoints.read_state()
        if state is None:
            return 0, 0
        if state["fingerprint"] != self._fingerprint:
            raise DataError(
                f"{self._checkpoints.folder}: was trained with another config or other data; "
                "remove it to train anew"
            )
        self._history.restore(state)
        self._checkpoints.restore(state["checkpoint"], self._checkpoint, self._io)
        return state["epoch"], state["step"]

    def restore_best(self) -> None:
        """Sets the averaged weights of the best epoch."""
        if self._history.best:
            name = f"epoch-{self._history.best['epoch']}"
            self._checkpoints.restore(name, self._checkpoint, self._io)
            self._average.assign_to_weights()

    def _save(self, name: str, epoch: int, step: int) -> None:
        best = self._history.best
        state = {
            "epoch": epoch,
            "step": step,
            **self._history.state(),
            "fingerprint": self._fingerprint,
        }
        keep = [f"epoch-{best['epoch']}"] if best else []
        self._checkpoints.save(name, self._checkpoint, self._io, state, keep)


def _fingerprint(bundle: ModelBundle) -> str:
    """Identifies config and data, without the options that a resumed training may change."""
    free = set(_FREE_OPTIONS)
    if not bundle.config.optimizer.depends_on_num_steps:
        free.add("epochs")
    options = dataclasses.asdict(bundle.config)
    options = {name: value for name, value in options.items() if name not in free}
    files = bundle.dataset.manifest["files"]
    return json.dumps([options, sorted(entry["sha256"] for entry in files.values())])
