"""A progress bar per epoch."""

from typing import Any

import tqdm

from tfmmrec.training.callbacks.base import StepCallback
from tfmmrec.training.history import TrainingHistory


class ProgressBar(StepCallback):
    """Shows the steps of an epoch, then its loss and the objective; silent outside a terminal.

    Ours instead of `tqdm.keras.TqdmCallback`, which derives from a callback of Keras 3.

    Args:
        history: has the metrics of the epochs.
        steps_per_epoch: of the training.
        quiet: shows nothing.
    """

    def __init__(self, history: TrainingHistory, *, steps_per_epoch: int, quiet: bool):
        super().__init__()
        self._history = history
        self._steps_per_epoch = steps_per_epoch
        self._quiet = quiet
        self._bar: tqdm.tqdm | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self._bar = tqdm.tqdm(
            total=self._steps_per_epoch,
            initial=self.initial_step,
            desc=f"epoch {epoch + 1}",
            unit="step",
            disable=True if self._quiet else None,
        )

    def on_steps_end(self, previous: int, step: int) -> None:
        if self._bar is not None:
            self._bar.update(step - previous)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._bar is None:
            return
        entry, objective = self._history.epochs[-1], self._history.objective.name
        shown = {objective: f"{entry[objective]:.4f}"} if objective in entry else {}
        self._bar.set_postfix({"loss": entry["loss"], **shown})
        self._bar.close()
