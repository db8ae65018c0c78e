"""The training of one model, which can be taken a number of epochs at a time."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.distribute.strategies import gather_from_processes, is_chief
from tfmmrec.errors import DataError
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.closed_form.fit import fit_closed_form
from tfmmrec.models.cold_start.never_chosen_scale import fit_never_chosen_scale
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.batches import create_batches
from tfmmrec.training.callbacks import TrainingCallbacks
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.distribute_batches import distribute_batches
from tfmmrec.training.elimination import min_epochs
from tfmmrec.training.history import TrainingHistory
from tfmmrec.training.requirements import check_devices
from tfmmrec.training.resumed import resumed_line
from tfmmrec.training.term_weights import ScoreWeights, fit_term_weights, has_choices
from tfmmrec.training.train_step import Trainer


class ModelTraining:
    """Trains the model of a bundle, on the devices for which it was built.

    The weights do not depend on how the epochs are divided among calls of `train_until`, nor on
    other trainings between them.

    Args:
        bundle: the model, its data and its config.
        folder: see `fit`.
        checkpoints: see `fit`.
        callbacks: see `fit`.
        candidate: the name of the model, if it is one of several in a race.
        is_first: whether it is the first of them, which says what is the same for all.

    Attributes:
        bundle: as given.
        history: the metrics of each epoch so far, those of a resumed training included.

    Raises:
        ConfigError: the devices cannot train this model.
        DataError: there is nothing to train on, or the checkpoints are of another config.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        folder: Path | None = None,
        *,
        checkpoints: Checkpoints | None = None,
        callbacks: Sequence[tf.keras.callbacks.Callback] = (),
        candidate: str | None = None,
        is_first: bool = True,
    ):
        config, strategy = bundle.config, bundle.model.distribute_strategy
        self.bundle = bundle
        self.history = TrainingHistory(config.objective_spec, folder)
        self._batches = create_batches(bundle)
        check_devices(strategy, bundle, self._batches.batch_size)
        for feature in bundle.model.trainable_features.values():
            feature.check_gradients()
        if config.deterministic:
            tf.config.experimental.enable_op_determinism()
        steps = self._batches.steps_per_epoch
        with strategy.scope():
            self._trainer = Trainer(bundle.model, config, config.epochs * steps)
            # Keras requires an optimizer; the trainer applies the gradients itself.
            self._trainer.compile(
                self._trainer.optimizer_step.optimizer,
                steps_per_execution=config.steps_per_execution,
            )
            self._callbacks = TrainingCallbacks(
                bundle,
                self._trainer,
                self.history,
                steps_per_epoch=steps,
                folder=folder,
                checkpoints=checkpoints,
                candidate=candidate,
                others=callbacks,
            )
        # Each replica returns the loss of the whole batch.
        self._trainer.distribute_reduction_method = "first"
        self._seconds = 0.0
        self._talks = not config.quiet and is_chief(strategy)
        if self._talks and is_first and (line := self._callbacks.drawn_line()):
            print(line, flush=True)
        with self._timed():
            self._position = self._restore(checkpoints)

    def is_over(self) -> bool:
        """Whether no epoch is left to train."""
        return self._position[0] >= self.bundle.config.epochs or self._callbacks.is_over()

    @property
    def min_race_epochs(self) -> int:
        """The least number of epochs after which the model may be stopped in a race."""
        config = self.bundle.config
        warmup_epochs = config.optimizer.warmup * config.epochs
        return min_epochs(self._batches.steps_per_epoch, warmup_epochs)

    def train_until(self, epoch: int) -> None:
        """Trains until so many epochs are done in all, or until early stopping.

        Raises:
            DataError: the loss is not finite.
        """
        epoch = min(epoch, self.bundle.config.epochs)
        with self._timed():
            while self._position[0] < epoch and not self._callbacks.is_over():
                first, step = self._position
                # The rest of an interrupted epoch has fewer steps than the epochs after it.
                end = first + 1 if step else epoch
                self._fit(first, step, end)
                self._position = len(self.history.epochs), 0

    def finish(self, score_weights: ScoreWeights | None = None) -> None:
        """Gives the model the weights of the best epoch, and fits what follows from them.

        Args:
            score_weights: of the terms in closed form; None fits them to the valid split, if the
                data has one that the model is not trained on (default None).
        """
        bundle = self.bundle
        with self._timed():
            self._callbacks.restore_best()
            if bundle.model.retrieval is not None:
                bundle.model.retrieval.end_training()
            if score_weights is not None:
                score_weights.assign(bundle)
            fit_closed_form(bundle)
            self._fit_to_scores(fits_weights=score_weights is None and has_choices(bundle))

    def _fit_to_scores(self, *, fits_weights: bool) -> None:
        """Fits what depends on the embeddings of all items, which are computed once."""
        bundle, has_never_chosen = self.bundle, self.bundle.statistics.never_chosen.any()
        if not (fits_weights or has_never_chosen):
            return
        scorer = Scorer(bundle.model)
        vectors = scorer.item_vectors()
        if fits_weights:
            fit_term_weights(bundle, scorer, vectors)
        if has_never_chosen:
            fit_never_chosen_scale(bundle, scorer, vectors)

    @property
    def metrics(self) -> dict[str, Any]:
        """The best epoch, its metrics on valid, and the `seconds` of the training so far.

        Metrics of drawn users come with `num_valid_users`.
        """
        return {**self.history.best, "seconds": round(self._seconds, 1)}

    def _fit(self, epoch: int, step: int, end: int) -> None:
        """Trains from a step of an epoch to the end of others, each from 0."""
        batches, model = self._batches, self.bundle.model
        self._trainer.fit(
            distribute_batches(
                model.distribute_strategy,
                batches,
                model,
                epoch=epoch,
                step=step,
                seed=self.bundle.config.seed,
            ),
            initial_epoch=epoch,
            epochs=end,
            steps_per_epoch=batches.steps_per_epoch - step,
            callbacks=self._callbacks.in_order(initial_step=step),
            verbose=0,
        )

    def _restore(self, checkpoints: Checkpoints | None) -> tuple[int, int]:
        """Restores the last checkpoint; returns the epoch, from 0, and its number of done steps."""
        config, strategy = self.bundle.config, self.bundle.model.distribute_strategy
        position = self._callbacks.restore()
        _check_same_position(strategy, position, checkpoints)
        if checkpoints is not None and position != (0, 0):
            is_complete = position[0] >= config.epochs or self._callbacks.is_over()
            if self._talks:
                best = self.history.best
                line = resumed_line(checkpoints.folder, position, best, is_complete=is_complete)
                print(line, flush=True)
        return position

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self._seconds += time.monotonic() - start


def _check_same_position(
    strategy: tf.distribute.Strategy, position: tuple[int, int], checkpoints: Checkpoints | None
) -> None:
    """Raises DataError unless all processes resume at the same epoch and step."""
    positions = gather_from_processes(strategy, np.array(position, np.int32))
    if len(np.unique(positions, axis=0)) > 1:
        assert checkpoints is not None  # Without checkpoints, all processes start anew.
        raise DataError(
            f"{checkpoints.folder}: the processes see different checkpoints; put them on storage "
            "that all processes share"
        )
