"""Fits the model of a config that needs several fits: `query: {kind: auto}` and `refit`."""

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.distribute.strategies import is_chief
from tfmmrec.layers.history import HISTORY_ENCODERS
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.training.auto_query import query_candidates
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
    """Fits the model of a config, with the two options that need more than one `fit`.

    `query: {kind: auto}` fits a model for each candidate and takes the best on valid. `refit` then
    fits that model again on train and valid, for the best number of epochs.

    Args:
        bundle: the model of the config without `refit`.
        config: of the training.
        build: builds a new model of a config.
        folder: see `fit`; if several models are fitted, those before the last are in `candidates/`.
        checkpoints: see `fit`; likewise.
        callbacks: see `fit`.

    Returns:
        The last model, and the metrics of the best one, with the `seconds` of all. Several
        candidates add `candidates`, the objective by kind of query. A dataset that holds out
        training events as its valid split adds `num_held_out`, their number; one that holds out
        items adds `cold_start_weights`, NDCG@10 on them by weight.
    """
    refits = config.refit and bundle.dataset.has_validation_events(config.task)
    configs = query_candidates(config, bundle)
    total = len(configs) + refits
    held_out = bundle.dataset.num_held_out
    chosen_on = "the held-out events" if held_out else "valid"
    fitted: dict[str, tuple[ModelBundle, dict[str, Any]]] = {}
    for kind, candidate in configs.items():
        inner, inner_checkpoints = folder, checkpoints
        if len(configs) > 1 or refits:
            inner = folder and folder / "candidates" / kind
            inner_checkpoints = checkpoints and checkpoints.subfolder(f"candidates/{kind}")
        once = dataclasses.replace(candidate, refit=False)
        # The first candidate has been built already, from the config with `auto`.
        model = dataclasses.replace(build(once) if fitted else bundle, config=once)
        if total > 1 and _talks(config, model):
            summary = HISTORY_ENCODERS.variants[kind].summary
            print(f"{len(fitted) + 1} of {total}: query {kind}{summary and ', '}{summary}")
        metrics = fit(model, inner, checkpoints=inner_checkpoints, callbacks=callbacks)
        fitted[kind] = model, metrics
    objective = config.objective_spec
    best = max(fitted, key=lambda kind: objective.worth(fitted[kind][1]))
    bundle, metrics = fitted[best]
    seconds = [each["seconds"] for _, each in fitted.values()]
    if len(fitted) > 1:
        metrics["candidates"] = {kind: each[objective.name] for kind, (_, each) in fitted.items()}
        if _talks(config, bundle):
            values = ", ".join(f"{kind} {x:.4f}" for kind, x in metrics["candidates"].items())
            print(f"query: {best}, by {objective.name} on {chosen_on}: {values}")
    if refits:
        bundle = build(_with_best_weight(configs[best], bundle, metrics))
        epochs = dataclasses.replace(bundle.config, epochs=metrics["epoch"])
        last = dataclasses.replace(bundle, config=epochs)
        if _talks(config, bundle):
            events = "all training events" if held_out else "train and valid"
            print(
                f"{total} of {total}: the model again, on {events}, for the best "
                f"{metrics['epoch']} epochs"
            )
        refit = fit(last, folder, checkpoints=checkpoints, callbacks=callbacks)
        seconds.append(refit["seconds"])
    elif folder is not None and len(fitted) > 1:
        shutil.copytree(folder / "candidates" / best, folder, dirs_exist_ok=True)
    if held_out:
        metrics["num_held_out"] = held_out
    return bundle, {**metrics, "seconds": round(sum(seconds), 1)}


def _with_best_weight(
    config: TrainConfig, fitted: ModelBundle, metrics: dict[str, Any]
) -> TrainConfig:
    """The config with the weight of the cold-start regression that is best on held-out items."""
    measured = measure_weights(fitted)
    if not measured:
        return config
    metrics["cold_start_weights"] = {str(weight): value for weight, value in measured.items()}
    best = max(measured, key=lambda weight: measured[weight])
    if _talks(config, fitted):
        values = ", ".join(f"{weight:g} {value:.4f}" for weight, value in measured.items())
        print(f"cold_start.weight: {best:g}, by ndcg@10 on the held-out items: {values}")
    return with_weight(config, best)


def _talks(config: TrainConfig, bundle: ModelBundle) -> bool:
    return not config.quiet and is_chief(bundle.model.distribute_strategy)
