"""Trains the candidates of a config, of which the best on valid is chosen."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.distribute.strategies import is_chief
from tfmmrec.layers.history import HISTORY_ENCODERS
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.training.checkpoints import Checkpoints
from tfmmrec.training.elimination import best_entry
from tfmmrec.training.model_training import ModelTraining
from tfmmrec.training.race import race


def train_candidates(
    bundle: ModelBundle,
    configs: Mapping[str, TrainConfig],
    build: Callable[[TrainConfig], ModelBundle],
    folder: Path | None = None,
    *,
    checkpoints: Checkpoints | None = None,
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
    is_refitted: bool,
) -> tuple[str, ModelBundle, dict[str, Any]]:
    """Trains models side by side and returns the best of them on valid.

    Args:
        bundle: the model of the first config.
        configs: by kind of query.
        build: builds a new model of a config.
        folder: see `fit`; a subfolder for each kind.
        checkpoints: see `fit`; likewise.
        callbacks: see `fit`; they follow all models in turn.
        is_refitted: whether the best model is only measured, and fitted again afterwards. It has
            the weights of its best epoch only if something is fitted to them: the weights of terms
            in closed form, or of cold-start items.

    Returns:
        The kind of the best model, the model, and its metrics with the `seconds` of all. Several
        candidates add `candidates` and `stopped_after`, see `fit_config`.
    """
    config, held_out = bundle.config, bundle.dataset.num_held_out
    if talks(bundle):
        print(f"{'1 of 2: ' if is_refitted else ''}{_first_line(configs)}")
    trainings: dict[str, ModelTraining] = {}
    for kind, candidate in configs.items():
        # The first candidate has been built already, from the config with `auto`.
        model = build(candidate) if trainings else bundle
        trainings[kind] = ModelTraining(
            dataclasses.replace(model, config=candidate),
            folder and folder / kind,
            checkpoints=checkpoints and checkpoints.subfolder(kind),
            callbacks=callbacks,
            candidate=kind if len(configs) > 1 else None,
            is_first=not trainings,
        )
    objective = config.objective_spec.name
    split = "the held-out events" if held_out else "valid"

    def on_stop(name: str, ahead: str, epochs: int) -> None:
        values = [best_entry(trainings[kind].history, epochs)[objective] for kind in (name, ahead)]
        if talks(bundle):
            print(
                f"query: {name} is behind {ahead} ({objective} {values[0]:.4f} and "
                f"{values[1]:.4f} on {split} after {epochs} epochs); it is stopped"
            )

    result = race(trainings, epochs=config.epochs, on_stop=on_stop)
    best = result.training
    tower = best.bundle.model.item_tower
    if (
        not is_refitted
        or tower.closed_form is not None
        or bundle.dataset.held_out_items is not None
    ):
        best.finish()
    seconds = sum(
        each["seconds"] for each in {**result.metrics, result.best: best.metrics}.values()
    )
    metrics = {**best.metrics, "seconds": round(seconds, 1)}
    if len(configs) > 1:
        metrics["candidates"] = {kind: result.metrics[kind][objective] for kind in configs}
        if result.stopped_after:
            metrics["stopped_after"] = result.stopped_after
        if talks(bundle):
            print(f"query: {result.best}, by {objective} on {split}: {_values(metrics)}")
    return result.best, best.bundle, metrics


def talks(bundle: ModelBundle) -> bool:
    """Whether this process prints the progress of a training."""
    return not bundle.config.quiet and is_chief(bundle.model.distribute_strategy)


def _first_line(configs: Mapping[str, TrainConfig]) -> str:
    """Says which candidates are trained, and how."""
    if len(configs) == 1:
        [kind] = configs
        summary = HISTORY_ENCODERS.variants[kind].summary
        return f"query {kind}{summary and ', '}{summary}"
    return (
        f"query {' and '.join(configs)}, trained side by side; one that is clearly behind is "
        "stopped"
    )


def _values(metrics: Mapping[str, Any]) -> str:
    """The objective of each candidate, and when it was stopped."""
    stopped = metrics.get("stopped_after", {})
    return ", ".join(
        f"{kind} {value:.4f}"
        + (f" (stopped after {stopped[kind]} epochs)" if kind in stopped else "")
        for kind, value in metrics["candidates"].items()
    )
