"""The callbacks of a training in the order in which Keras calls them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import tensorflow as tf

from tfmmrec.distribute.strategies import is_chief
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.training.callbacks.base import StepCallback
from tfmmrec.training.callbacks.checkpoint import CheckpointCallback
from tfmmrec.training.callbacks.diagnostics import DiagnosticsCallback
from tfmmrec.training.callbacks.early_stopping import EarlyStopping
from tfmmrec.training.callbacks.finite_check import FiniteCheck
from tfmmrec.training.callbacks.negative_mining import NegativeMiningCallback
from tfmmrec.training.callbacks.progress_bar import ProgressBar
from tfmmrec.training.callbacks.validation import ValidationCallback
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.diagnostics import TrainingDiagnostics
from tfmmrec.training.history import TrainingHistory
from tfmmrec.training.train_step import Trainer


class TrainingCallbacks:
    """The callbacks of one training.

    Args:
        bundle: the model, its data and its config.
        trainer: the Keras model of the training step.
        history: gets the metrics of each epoch.
        steps_per_epoch: of the training.
        folder: of TensorBoard's logs; None writes none.
        checkpoints: the folder of checkpoints; None keeps the best weights in memory.
        candidate: the name of the model, if it is one of several in a race.
        others: callbacks of the caller; they run last.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        trainer: Trainer,
        history: TrainingHistory,
        *,
        steps_per_epoch: int,
        folder: Path | None,
        checkpoints: Checkpoints | None,
        candidate: str | None = None,
        others: Sequence[tf.keras.callbacks.Callback] = (),
    ):
        config, average = bundle.config, trainer.optimizer_step.average
        quiet = config.quiet or not is_chief(bundle.model.distribute_strategy)
        self._mining = list(_negative_mining(bundle, trainer))
        self._finite_check = FiniteCheck(
            bundle,
            trainer.optimizer_step,
            steps_per_epoch=steps_per_epoch,
            checkpoints=checkpoints,
        )
        self._validation = ValidationCallback(
            bundle,
            average,
            history,
            keep_best=checkpoints is None,
            in_race=candidate is not None,
        )
        diagnostics = TrainingDiagnostics(bundle.model, trainer.gradient_norms, quiet=quiet)
        self._diagnostics = DiagnosticsCallback(diagnostics, average, self._validation)
        self._checkpoint: CheckpointCallback | None = None
        if checkpoints is not None:
            self._checkpoint = CheckpointCallback(
                bundle,
                trainer.optimizer_step,
                history,
                checkpoints,
                steps_per_epoch=steps_per_epoch,
                finite_check=self._finite_check,
            )
        self._progress_bar = ProgressBar(
            history,
            steps_per_epoch=steps_per_epoch,
            epochs=config.epochs,
            quiet=config.quiet,
            candidate=candidate,
        )
        self._early_stopping = EarlyStopping(history, config.patience)
        self._folder = folder
        self._others = others

    def in_order(self, initial_step: int = 0) -> list[tf.keras.callbacks.Callback]:
        """The callbacks of one `fit`, in the order in which Keras calls each of their methods.

        Args:
            initial_step: number of steps of the first epoch that are done.
        """
        callbacks = [
            # Before the checkpoint of a step, which then has the negatives mined at that step.
            *self._mining,
            # Before anything is measured or saved.
            self._finite_check,
            self._validation,
            # Reads the item embeddings of the validation.
            self._diagnostics,
            # After the validation, since the best epoch is part of a checkpoint.
            *([] if self._checkpoint is None else [self._checkpoint]),
            self._progress_bar,
            self._early_stopping,
        ]
        if self._folder is not None:
            # After all that add to the logs.
            callbacks.append(tf.keras.callbacks.TensorBoard(str(self._folder / "tensorboard")))
        for callback in callbacks:
            if isinstance(callback, StepCallback):
                callback.initial_step = initial_step
        return [*callbacks, *self._others]

    def restore(self) -> tuple[int, int]:
        """Restores the last checkpoint; returns the epoch, from 0, and its number of done steps."""
        return (0, 0) if self._checkpoint is None else self._checkpoint.restore()

    def drawn_line(self) -> str | None:
        """Says how many users of valid are measured, see `ValidationCallback.drawn_line`."""
        return self._validation.drawn_line()

    def restore_best(self) -> None:
        """Sets the weights of the best epoch."""
        (self._checkpoint or self._validation).restore_best()

    def is_over(self) -> bool:
        """Whether early stopping has ended the training."""
        return self._early_stopping.is_over()


def _negative_mining(bundle: ModelBundle, trainer: Trainer) -> Iterator[NegativeMiningCallback]:
    retrieval = bundle.model.retrieval
    if retrieval is not None and retrieval.sampler.mined is not None:
        interval = bundle.config.negatives.mining_interval
        yield NegativeMiningCallback(
            bundle, retrieval.sampler.mined, trainer.optimizer_step, interval
        )
