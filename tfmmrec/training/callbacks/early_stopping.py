"""Ends a training that no longer improves."""

from typing import Any

import tensorflow as tf

from tfmmrec.training.history import TrainingHistory


class EarlyStopping(tf.keras.callbacks.Callback):
    """Stops after `patience` epochs without improvement of the objective on valid.

    Ours instead of Keras' EarlyStopping, which counts within one `fit`: after a resume it would
    start again, without the best epoch of the checkpoint.

    Args:
        history: knows the best epoch.
        patience: number of epochs.
    """

    def __init__(self, history: TrainingHistory, patience: int):
        super().__init__()
        self._history = history
        self._patience = patience

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.is_over():
            self.model.stop_training = True

    def is_over(self) -> bool:
        """Whether the objective has not improved for `patience` epochs."""
        return self._history.epochs_without_improvement() >= self._patience
