"""Fits the model of a config that needs several fits: `query: {kind: auto}` and `refit`."""

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.training.auto_query import query_candidates
from tfmmrec.training.candidates import talks, train_candidates
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.cold_start_weight import measure_weights, with_weight
from tfmmrec.training.fit import fit


def fit_config(
    bundle: ModelBundle,
    config: TrainConfig,
    build: Callable[[TrainConfig], ModelBundle],
    folder: Path | None = None,
    *,
    checkpoints: Checkpoints | None = None,
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
) -> tuple[ModelBundle, dict[str, Any]]:
    """Fits the model of a config, with the two options that need more than one model.

    `query: {kind: auto}` trains a model for each candidate, side by side, and takes the best on
    valid; see `race`. `refit` then fits that model again on train and valid, for the best number of
    epochs.

    Args:
        bundle: the model of the config without `refit`.
        config: of the training.
        build: builds a new model of a config.
        folder: see `fit`; if several models are fitted, those before the last are in `candidates/`.
        checkpoints: see `fit`; likewise.
        callbacks: see `fit`; they follow all models, those side by side in turn.

    Returns:
        The last model, and the metrics of the best one, with the `seconds` of all. Several
        candidates add `candidates`, the objective by kind of query, and `stopped_after`, the number
        of epochs by kind of those that were stopped. A dataset that holds out training events as
        its valid split adds `num_held_out`, their number; one that holds out items adds
        `cold_start_weights`, NDCG@10 on them by weight.
    """
    refits = config.refit and bundle.dataset.has_validation_events(config.task)
    held_out = bundle.dataset.num_held_out
    configs = {
        kind: dataclasses.replace(candidate, refit=False)
        for kind, candidate in query_candidates(config, bundle).items()
    }
    if len(configs) == 1 and not refits:
        [only] = configs.values()
        bundle = dataclasses.replace(bundle, config=only)
        metrics = fit(bundle, folder, checkpoints=checkpoints, callbacks=callbacks)
    else:
        inside = "candidates"
        kind, bundle, metrics = train_candidates(
            bundle,
            configs,
            build,
            folder and folder / inside,
            checkpoints=checkpoints and checkpoints.subfolder(inside),
            callbacks=callbacks,
            is_refitted=refits,
        )
        if refits:
            query = dataclasses.replace(config, query=configs[kind].query)
            bundle = build(_with_best_weight(query, bundle, metrics))
            _refit(bundle, metrics, folder, checkpoints, callbacks, has_held_out=bool(held_out))
        elif folder is not None:
            shutil.copytree(folder / inside / kind, folder, dirs_exist_ok=True)
    if held_out:
        metrics["num_held_out"] = held_out
    return bundle, metrics


def _refit(
    bundle: ModelBundle,
    metrics: dict[str, Any],
    folder: Path | None,
    checkpoints: Checkpoints | None,
    callbacks: Sequence[tf.keras.callbacks.Callback],
    *,
    has_held_out: bool,
) -> None:
    """Fits the final model, and adds its `seconds` to the metrics of the candidates."""
    if talks(bundle):
        events = "all training events" if has_held_out else "train and valid"
        print(f"2 of 2: the model again, on {events}, for the best {metrics['epoch']} epochs")
    epochs = dataclasses.replace(bundle.config, epochs=metrics["epoch"])
    last = dataclasses.replace(bundle, config=epochs)
    refit = fit(last, folder, checkpoints=checkpoints, callbacks=callbacks)
    metrics["seconds"] = round(metrics["seconds"] + refit["seconds"], 1)


def _with_best_weight(
    config: TrainConfig, fitted: ModelBundle, metrics: dict[str, Any]
) -> TrainConfig:
    """The config with the weight of the cold-start regression that is best on held-out items."""
    measured = measure_weights(fitted)
    if not measured:
        return config
    metrics["cold_start_weights"] = {str(weight): value for weight, value in measured.items()}
    best = max(measured, key=lambda weight: measured[weight])
    if talks(fitted):
        values = ", ".join(f"{weight:g} {value:.4f}" for weight, value in measured.items())
        print(f"cold_start.weight: {best:g}, by ndcg@10 on the held-out items: {values}")
    return with_weight(config, best)
