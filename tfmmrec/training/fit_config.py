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
from tfmmrec.training.cold_start_weights import choose_cold_start
from tfmmrec.training.fit import fit
from tfmmrec.training.term_weights import ScoreWeights


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
        `cold_start`, the choices of `choose_cold_start`. Terms in closed form add
        `closed_form`, their weights, and a term for items of the history `repeats`.
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
            chosen = dataclasses.replace(config, query=configs[kind].query)
            chosen, score_weights = _with_best_cold_start(chosen, bundle, metrics)
            bundle = build(chosen)
            if talks(bundle):
                events = "all training events" if held_out else "train and valid"
                epochs = f"for the best {metrics['epoch']} epochs"
                print(f"2 of 2: the model again, on {events}, {epochs}")
            _refit(bundle, metrics, folder, checkpoints, callbacks, score_weights)
        elif folder is not None:
            shutil.copytree(folder / inside / kind, folder, dirs_exist_ok=True)
    if held_out:
        metrics["num_held_out"] = held_out
    terms = bundle.model.item_tower.closed_form
    if terms is not None and terms.is_fitted:
        metrics["closed_form"] = terms.describe()
    if bundle.model.repeat_term is not None:
        metrics["repeats"] = bundle.model.repeat_term.describe()
    return bundle, metrics


def _refit(
    bundle: ModelBundle,
    metrics: dict[str, Any],
    folder: Path | None,
    checkpoints: Checkpoints | None,
    callbacks: Sequence[tf.keras.callbacks.Callback],
    score_weights: ScoreWeights | None,
) -> None:
    """Fits the final model, and adds its `seconds` to the metrics of the candidates."""
    epochs = dataclasses.replace(bundle.config, epochs=metrics["epoch"])
    last = dataclasses.replace(bundle, config=epochs)
    refit = fit(
        last, folder, checkpoints=checkpoints, callbacks=callbacks, score_weights=score_weights
    )
    metrics["seconds"] = round(metrics["seconds"] + refit["seconds"], 1)


def _with_best_cold_start(
    config: TrainConfig, fitted: ModelBundle, metrics: dict[str, Any]
) -> tuple[TrainConfig, ScoreWeights | None]:
    """The config with what is best on held-out items, and the weights of terms in closed form."""
    score_weights, choices = ScoreWeights.of(fitted), choose_cold_start(fitted)
    if not choices:
        return config, score_weights
    best = choices[0]
    metrics["cold_start"] = [choice.describe() for choice in choices]
    if talks(fitted):
        print(
            f"cold_start: weight {best.weight:g} and ridge_alpha {best.ridge_alpha:g}, by ndcg@10 "
            f"on the held-out items, {best.ndcg.mean():.4f}"
        )
    if score_weights is not None:
        score_weights = dataclasses.replace(score_weights, cold_scales=best.scales)
    return best.config(config), score_weights
