"""Fits the model of a bundle to its data, on the devices for which it was built."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.distribute.strategies import gather_from_processes, is_chief
from tfmmrec.errors import DataError
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.cold_start.fit import fit_cold_start
from tfmmrec.models.cold_start.never_chosen_scale import fit_never_chosen_scale
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.batches import create_batches
from tfmmrec.training.callbacks import TrainingCallbacks
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.distribute_batches import distribute_batches
from tfmmrec.training.history import TrainingHistory
from tfmmrec.training.requirements import check_devices
from tfmmrec.training.resumed import resumed_line
from tfmmrec.training.train_step import Trainer


def fit(
    bundle: ModelBundle,
    folder: Path | None = None,
    *,
    checkpoints: Checkpoints | None = None,
    history: list[dict[str, Any]] | None = None,
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
) -> dict[str, Any]:
    """Fits the model of a bundle and leaves it with the weights of the best epoch.

    Args:
        bundle: the model, its data and its config.
        folder: of `history.json` and TensorBoard's logs; None writes none.
        checkpoints: the folder of checkpoints, from which the training resumes if it has some; None
            writes none.
        history: a list to which the metrics of each epoch are appended.
        callbacks: Keras callbacks that run after those of the training.

    Returns:
        The best epoch, its metrics on valid, `num_valid_users` if these are of drawn users, and the
        `seconds` of the training.

    Raises:
        ConfigError: the devices cannot train this model.
        DataError: there is nothing to train on, the loss is not finite, or the checkpoints are of
            another config.
    """
    config, model = bundle.config, bundle.model
    batches, strategy = create_batches(bundle), model.distribute_strategy
    check_devices(strategy, bundle, batches.batch_size)
    for feature in model.trainable_features.values():
        feature.check_gradients()
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    steps = batches.steps_per_epoch
    epochs = TrainingHistory(config.objective_spec, folder)
    with strategy.scope():
        trainer = Trainer(model, config, config.epochs * steps)
        # Keras requires an optimizer; the trainer applies the gradients itself.
        trainer.compile(
            trainer.optimizer_step.optimizer, steps_per_execution=config.steps_per_execution
        )
        in_training = TrainingCallbacks(
            bundle,
            trainer,
            epochs,
            steps_per_epoch=steps,
            folder=folder,
            checkpoints=checkpoints,
            others=callbacks,
        )
    # Each replica returns the loss of the whole batch.
    trainer.distribute_reduction_method = "first"
    talks = not config.quiet and is_chief(strategy)
    if talks and (line := in_training.drawn_line()):
        print(line, flush=True)
    start = time.monotonic()
    position = in_training.restore()
    _check_same_position(strategy, position, checkpoints)
    if checkpoints is not None and position != (0, 0) and talks:
        is_complete = position[0] >= config.epochs or in_training.is_over()
        print(
            resumed_line(checkpoints.folder, position, epochs.best, is_complete=is_complete),
            flush=True,
        )
    for epoch, step, end in _parts(position, config.epochs, in_training):
        trainer.fit(
            distribute_batches(
                strategy,
                batches,
                model.trainable_features,
                epoch=epoch,
                step=step,
                seed=config.seed,
            ),
            initial_epoch=epoch,
            epochs=end,
            steps_per_epoch=steps - step,
            callbacks=in_training.in_order(initial_step=step),
            verbose=0,
        )
    in_training.restore_best()
    if history is not None:
        history.extend(epochs.epochs)
    if model.retrieval is not None:
        model.retrieval.end_training()
    fit_cold_start(bundle)
    if bundle.statistics.never_chosen.any():
        scorer = Scorer(model)
        fit_never_chosen_scale(bundle, scorer, scorer.item_vectors())
    return {**epochs.best, "seconds": round(time.monotonic() - start, 1)}


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


def _parts(
    position: tuple[int, int], epochs: int, callbacks: TrainingCallbacks
) -> Iterator[tuple[int, int, int]]:
    """The parts of a training that one `fit` each can train.

    The rest of an interrupted epoch has fewer steps than the epochs after it.

    Yields:
        The first epoch, the first step in it, and the epoch at which to end, each from 0.
    """
    epoch, step = position
    while epoch < epochs and not callbacks.is_over():
        end = epoch + 1 if step else epochs
        yield epoch, step, end
        epoch, step = end, 0
