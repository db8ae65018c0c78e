"""Ends a training whose loss or weights are not finite."""

from typing import Any

from tfmmrec.errors import DataError
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.invalid_encodings import invalid_encodings
from tfmmrec.training.callbacks.base import StepCallback, is_due
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.optimizer_step import OptimizerStep

# Number of steps between checks of the loss; reading a variable waits for the device.
_INTERVAL = 20


class FiniteCheck(StepCallback):
    """Checks the loss every 20 steps, and the weights after each epoch.

    Ours instead of Keras' TerminateOnNaN, which waits for the device after each step and prints a
    line; this raises an error that names the step, the learning rate and the last checkpoint.

    The error also names the features whose values may be the cause.

    Args:
        bundle: the model, its data and its config.
        optimizer_step: counts the steps and records the first with a loss that was not finite.
        steps_per_epoch: of the training.
        checkpoints: the folder of the last good checkpoint; None without checkpoints.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        optimizer_step: OptimizerStep,
        *,
        steps_per_epoch: int,
        checkpoints: Checkpoints | None,
    ):
        super().__init__()
        self._bundle = bundle
        self._optimizer_step = optimizer_step
        self._steps_per_epoch = steps_per_epoch
        self._checkpoints = checkpoints

    def on_steps_end(self, previous: int, step: int) -> None:
        if is_due(_INTERVAL, previous, step):
            self.check_loss()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.check_weights()

    def check_loss(self) -> None:
        """Raises DataError if the loss of a step was not finite."""
        step = int(self._optimizer_step.bad_step.numpy())
        if step >= 0:
            self._fail("the loss", step)

    def check_weights(self) -> None:
        """Raises DataError if the loss of a step was not finite, or a weight is not."""
        self.check_loss()
        if not self._optimizer_step.are_finite():
            self._fail("a weight", int(self._optimizer_step.step.numpy()) - 1)

    def _fail(self, name: str, step: int) -> None:
        """Raises the error.

        Args:
            name: of what is not finite.
            step: the step of the training, from 0.
        """
        accumulation = self._bundle.config.optimizer.gradient_accumulation_steps
        rate = float(self._optimizer_step.rate(step // accumulation))
        advice = "train anew with a lower learning_rate or with optimizer.global_clipnorm"
        state = None if self._checkpoints is None else self._checkpoints.read_state()
        if self._checkpoints is not None and state is not None:
            path = self._checkpoints.path(state["checkpoint"])
            advice = (
                f"the last good checkpoint is {path}: lower learning_rate and add --resume, or "
                f"{advice}"
            )
        causes = _find_causes(self._bundle)
        advice = (
            f"{'; '.join(causes)}; correct these values, or leave the feature out with --features"
            if causes
            else f"the encodings of all features are finite; {advice}"
        )
        raise DataError(
            f"{name} was not finite after step {step % self._steps_per_epoch + 1} of epoch "
            f"{step // self._steps_per_epoch + 1}, at a learning rate of {rate:g}; {advice}"
        )


def _find_causes(bundle: ModelBundle) -> list[str]:
    """Returns a line for each feature with values that explain it."""
    return [
        *invalid_encodings(bundle.dataset, "items", bundle.items),
        *invalid_encodings(bundle.dataset, "users", bundle.users),
    ]
