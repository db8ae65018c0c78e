"""Training: a data folder and a config become a run."""

import dataclasses
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.assembly import Assembly, assemble, say_mute
from tfmmrec.batches import create_batches
from tfmmrec.config import TrainConfig
from tfmmrec.dataset import Dataset
from tfmmrec.errors import DataError, TfmmrecError
from tfmmrec.finetuning import add_inputs
from tfmmrec.folders import refuse_existing
from tfmmrec.runs import read_run, save_run
from tfmmrec.trainer import Trainer
from tfmmrec.watch import Watch


def train(data: Path, out: Path, config: TrainConfig, *, resume: bool = False) -> dict[str, Any]:
    """Trains a model and writes a run folder.

    While it trains, checkpoints and logs stand beside the run, in `OUT.partial`; the run itself
    appears when it is whole.

    Args:
        data: a data folder.
        out: the run folder.
        config: how to build and train.
        resume: go on with the last whole epoch of a training that was stopped; a run that is
            finished is left as it is.

    Returns:
        The run's metrics.
    """
    out = Path(out)
    partial = out.with_name(out.name + ".partial")
    if resume and out.exists():
        return read_run(out)["metrics"]
    refuse_existing(out)
    if partial.exists() and not resume:
        raise DataError(f"{partial}: a training was stopped here; add --resume or remove it")
    dataset = Dataset(data, cache=config.cache)
    assembly = assemble(dataset, dataclasses.replace(config, refit=False))
    if not config.quiet:
        for line in (*assembly.items.lines("items"), *assembly.users.lines("users")):
            print(line)
    say_mute(assembly.mute_items(), dataset.item_ids)
    partial.mkdir(parents=True, exist_ok=True)
    try:
        assembly, metrics = fit_whole(assembly, config, lambda c: assemble(dataset, c), partial)
    except TfmmrecError:
        if not resume and not any(partial.rglob("state.json")):
            shutil.rmtree(partial)
        raise
    save_run(partial, assembly, metrics)
    for folder in (partial, partial / "chosen"):
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    if out.exists():
        out.rmdir()  # refuse_existing let only an empty folder pass
    partial.rename(out)
    return metrics


def fit_whole(
    assembly: Assembly,
    config: TrainConfig,
    make: Callable[[TrainConfig], Assembly],
    folder: Path | None = None,
) -> tuple[Assembly, dict[str, Any]]:
    """Fits a model and, where the config says `refit`, another that replaces it.

    The second is fitted on train and valid, for as many epochs as were best for the first.

    Args:
        assembly: the model of the config without `refit`.
        config: how to train.
        make: builds a fresh model of a config.
        folder: as for `fit`; the first of two models has `chosen` in it.

    Returns:
        What was fitted last, and the metrics of the first, with the seconds of both.

    Raises:
        DataError: as `fit` does, or `refit` has no valid split to add.
    """
    if not config.refit:
        return assembly, fit(assembly, folder)
    if not assembly.dataset.has_valid(config.task):
        raise DataError(f"{assembly.dataset.folder}: refit: there is no valid split to add")
    metrics = fit(assembly, None if folder is None else folder / "chosen")
    assembly = make(config)
    epochs = dataclasses.replace(config, epochs=metrics["epoch"])
    again = fit(dataclasses.replace(assembly, config=epochs), folder)
    return assembly, {**metrics, "seconds": round(metrics["seconds"] + again["seconds"], 1)}


def fit(assembly: Assembly, folder: Path | None = None) -> dict[str, Any]:
    """Fits the model of an assembly and leaves it with its best weights.

    Args:
        assembly: the model, its data and its config.
        folder: where checkpoints, the history and TensorBoard's logs go; None keeps none.

    Returns:
        The best epoch, the valid metrics at it, and the seconds of training.

    Raises:
        DataError: there is nothing to train on, or what stands in `folder` is not of this config.
    """
    config, model = assembly.config, assembly.model
    batches = create_batches(assembly)
    for feature in model.trained.values():
        feature.check_gradients()
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    trainer = Trainer(model, config, config.epochs * batches.steps_per_epoch)
    # Keras asks for an optimizer; the steps are the trainer's.
    trainer.compile(trainer.moves.optimizer, steps_per_execution=config.steps_per_execution)
    watch = Watch(assembly, trainer.moves, batches.steps_per_epoch, folder)
    callbacks: list[tf.keras.callbacks.Callback] = [watch]
    if folder is not None:
        callbacks.append(tf.keras.callbacks.TensorBoard(str(folder / "tensorboard")))
    epoch, step = watch.restore()
    start = time.monotonic()
    while epoch < config.epochs and not watch.is_done():
        # The rest of the epoch in which it was stopped has fewer steps than the others.
        last = epoch + 1 if step else config.epochs
        trainer.fit(
            add_inputs(
                batches.epochs(epoch, step),
                model.trained,
                seed=config.seed,
                first_step=epoch * batches.steps_per_epoch + step,
            ),
            initial_epoch=epoch,
            epochs=last,
            steps_per_epoch=batches.steps_per_epoch - step,
            callbacks=callbacks,
            verbose=0,
        )
        epoch, step = last, 0
    watch.restore_best()
    assembly.fit_new_items()
    return {**watch.best, "seconds": round(time.monotonic() - start, 1)}
