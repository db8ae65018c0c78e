"""The base of callbacks that act after steps."""

from typing import Any

import tensorflow as tf

from tfmmrec.distribute.strategies import is_asynchronous


class StepCallback(tf.keras.callbacks.Callback):
    """Counts the completed steps of the epoch on the host, and calls `on_steps_end`.

    Reading the step counter of the optimizer instead would wait for the device after each step.
    Under an asynchronous strategy Keras reports steps that are only scheduled; these are ignored.

    Attributes:
        initial_step: number of steps of the epoch before this `fit`, above 0 after a resume.
        epoch: the current epoch, from 0.
        step: number of completed steps of the epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        # Private: Keras then passes logs as tensors instead of waiting for the device after each
        # step, and accepts the callback under a ParameterServerStrategy. `super` sets it to False.
        self._supports_tf_logs = True
        self.initial_step = self.epoch = self.step = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch, self.step = epoch, self.initial_step

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if is_asynchronous(self.model.distribute_strategy):
            return
        # With `steps_per_execution`, Keras reports the last of several batches.
        previous, self.step = self.step, self.initial_step + batch + 1
        self.on_steps_end(previous, self.step)

    def on_steps_end(self, previous: int, step: int) -> None:
        """Is called after one or several steps.

        Args:
            previous: number of completed steps of the epoch at the last call.
            step: number of completed steps of the epoch.
        """


def is_due(interval: int, previous: int, step: int) -> bool:
    """Whether a multiple of `interval` lies above `previous` and at most at `step`."""
    return previous // interval < step // interval
