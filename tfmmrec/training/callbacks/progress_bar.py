"""A progress bar per epoch."""

import statistics
import time
from typing import Any

import tqdm

from tfmmrec.training.callbacks.base import StepCallback
from tfmmrec.training.history import TrainingHistory


class ProgressBar(StepCallback):
    """Shows the steps of an epoch, then its loss, the objective and the time that may be left.

    The time left is that of all epochs; early stopping ends most trainings sooner. Silent outside
    a terminal.

    Ours instead of `tqdm.keras.TqdmCallback`, which derives from a callback of Keras 3.

    Args:
        history: has the metrics of the epochs.
        steps_per_epoch: of the training.
        epochs: the maximum number of epochs.
        quiet: shows nothing.
        candidate: the name of the model, if it is one of several.
    """

    def __init__(
        self,
        history: TrainingHistory,
        *,
        steps_per_epoch: int,
        epochs: int,
        quiet: bool,
        candidate: str | None = None,
    ):
        super().__init__()
        self._epochs = epochs
        self._durations: list[float] = []
        self._start = time.monotonic()
        self._history = history
        self._steps_per_epoch = steps_per_epoch
        self._quiet = quiet
        self._prefix = "" if candidate is None else f"{candidate}: "
        self._bar: tqdm.tqdm | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self._start = time.monotonic()
        self._bar = tqdm.tqdm(
            total=self._steps_per_epoch,
            initial=self.initial_step,
            desc=f"{self._prefix}epoch {epoch + 1} of at most {self._epochs}",
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
        self._durations.append(time.monotonic() - self._start)
        # Of the median epoch: the first one also compiles the graph.
        left = statistics.median(self._durations) * (self._epochs - epoch - 1)
        shown["left"] = f"at most {tqdm.tqdm.format_interval(left)}"
        self._bar.set_postfix({"loss": entry["loss"], **shown})
        self._bar.close()
