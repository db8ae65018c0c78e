"""Diagnostics of the embeddings and gradients after each epoch."""

from typing import Any

import tensorflow as tf

from tfmmrec.training.callbacks.validation import ValidationCallback
from tfmmrec.training.diagnostics import TrainingDiagnostics
from tfmmrec.training.ema import ExponentialMovingAverage


class DiagnosticsCallback(tf.keras.callbacks.Callback):
    """Writes diagnostics into the logs as `diagnostic_NAME`, and warns of bad ones.

    Args:
        diagnostics: of the model.
        average: of the weights, which is examined.
        validation: has the item embeddings of the epoch.
    """

    def __init__(
        self,
        diagnostics: TrainingDiagnostics,
        average: ExponentialMovingAverage,
        validation: ValidationCallback,
    ):
        super().__init__()
        self._diagnostics = diagnostics
        self._average = average
        self._validation = validation

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        with self._average.applied():
            found = self._diagnostics.update(self._validation.item_embeddings)
        logs.update({f"diagnostic_{name}": value for name, value in found.items()})
