"""Fits the model of an assembly to its data, on the devices that it was built for."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.distribute.strategies import is_asynchronous, of_all
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.cold_start.fit import fit_cold_start
from tfmmrec.training.batches import create_batches
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.distribute_batches import distribute_batches
from tfmmrec.training.epoch_callback import Watch
from tfmmrec.training.negative_mining import NegativeMiningCallback
from tfmmrec.training.train_step import Trainer


def fit(
    bundle: ModelBundle,
    folder: Path | None = None,
    *,
    checkpoints: Checkpoints | None = None,
    history: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Fits the model of an assembly and leaves it with its best weights.

    Args:
        assembly: the model, its data and its config.
        folder: where the history and TensorBoard's logs go; None keeps none.
        checkpoints: where checkpoints go, and what to go on from; None keeps none.
        history: a list that gets what each epoch measured.

    Returns:
        The best epoch, the valid metrics at it, and the seconds of training.

    Raises:
        ConfigError: the devices cannot train this model so.
        DataError: there is nothing to train on, or the checkpoints are not of this config.
    """
    config, model = bundle.config, bundle.model
    batches, strategy = create_batches(bundle), model.distribute_strategy
    check_devices(strategy, bundle, batches.batch_size)
    for feature in model.trainable_features.values():
        feature.check_gradients()
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    with strategy.scope():
        trainer = Trainer(model, config, config.epochs * batches.steps_per_epoch)
        # Keras asks for an optimizer; the steps are the trainer's.
        trainer.compile(
            trainer.optimizer_step.optimizer, steps_per_execution=config.steps_per_execution
        )
        watch = Watch(bundle, trainer, batches.steps_per_epoch, folder, checkpoints)
    # Each replica gives the loss of the whole batch.
    trainer.distribute_reduction_method = "first"
    start = time.monotonic()
    for epoch, step, last in _stretches(bundle, watch):
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
            epochs=last,
            steps_per_epoch=batches.steps_per_epoch - step,
            callbacks=list(_callbacks(strategy, bundle, watch, folder)),
            verbose=0,
        )
    watch.restore_best()
    if history is not None:
        history.extend(watch.history)
    if model.retrieval is not None:
        model.retrieval.end_training()
    fit_cold_start(bundle)
    return {**watch.best, "seconds": round(time.monotonic() - start, 1)}


def check_devices(strategy: tf.distribute.Strategy, bundle: ModelBundle, batch_size: int) -> None:
    """Raises ConfigError where a strategy cannot train a model on batches of so many rows."""
    num_parts = strategy.num_replicas_in_sync
    even = not isinstance(strategy, tf.distribute.TPUStrategy) or batch_size % num_parts == 0
    if batch_size < num_parts or not even:
        raise ConfigError(
            f"batch_size: a batch of {batch_size} rows cannot be dealt to {num_parts} replicas"
            + ("" if even else " alike, as a TPU asks")
        )
    if num_parts > 1 and bundle.config.jit_compile:
        raise ConfigError(
            f"jit_compile: a step that XLA compiles is of one device, and there are {num_parts}; "
            "leave it out, or use strategy one"
        )
    trained = ", ".join(bundle.model.trainable_features)
    if isinstance(strategy, tf.distribute.TPUStrategy) and trained:
        raise _no_encoders("tpu trains no encoders, which read texts and files,", trained)
    if not is_asynchronous(strategy):
        return
    if trained:
        raise _no_encoders("parameter_server trains no encoders,", trained)
    options = bundle.config.negatives
    if options.cross_batch_memory_size or options.num_mined:
        name = "cross_batch_memory_size" if options.cross_batch_memory_size else "num_mined"
        raise ConfigError(
            f"negatives: {name}: with parameter_server there is no step before that all have "
            "taken; leave it out, or take another strategy"
        )
    if bundle.config.checkpoint_steps:
        raise ConfigError(
            "checkpoint_steps: with parameter_server there is no step that all have taken; leave "
            "it out, checkpoints are written after each epoch"
        )


def _no_encoders(rule: str, names: str) -> ConfigError:
    return ConfigError(
        f"strategy: {rule} and {names} has one to train; take another strategy, or an encoder that "
        "is trained already"
    )


def _stretches(bundle: ModelBundle, watch: Watch) -> Iterator[tuple[int, int, int]]:
    """What is left to train: the epoch and the step to begin with, and the epoch to stop before."""
    epoch, step = watch.restore()
    found = of_all(bundle.model.distribute_strategy, np.array([epoch, step], np.int32))
    if len(np.unique(found, axis=0)) > 1:
        assert watch.checkpoints is not None  # Else all begin anew.
        raise DataError(
            f"{watch.checkpoints.folder}: not all processes see the same; put it on storage that "
            "they share"
        )
    # The rest of the epoch in which it was stopped has fewer steps than the others.
    while epoch < bundle.config.epochs and not watch.is_done():
        last = epoch + 1 if step else bundle.config.epochs
        yield epoch, step, last
        epoch, step = last, 0


class _AfterBatch(tf.keras.callbacks.Callback):
    # So that Keras does not wait for the device after each step.
    _supports_tf_logs = True

    def __init__(self, watch: Watch):
        super().__init__()
        self._watch = watch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._watch.after_batch(batch)


def _callbacks(
    strategy: tf.distribute.Strategy, bundle: ModelBundle, watch: Watch, folder: Path | None
) -> Iterator[tf.keras.callbacks.Callback]:
    yield watch
    retrieval = bundle.model.retrieval
    if retrieval is not None and retrieval.sampler.mined is not None:
        every = bundle.config.negatives.mining_interval
        yield NegativeMiningCallback(bundle, retrieval.sampler.mined, watch.updates, every)
    # Keras refuses it where workers are not in step.
    if not is_asynchronous(strategy):
        yield _AfterBatch(watch)
    if folder is not None:
        yield tf.keras.callbacks.TensorBoard(str(folder / "tensorboard"))
