"""Training: a data folder and a config become a run."""

import dataclasses
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import refuse_existing
from tfmmrec.distribute.cluster import read_cluster, serve
from tfmmrec.distribute.strategies import create_strategy, leads, serves, training_on, with_others
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.errors import DataError, TfmmrecError
from tfmmrec.models.bundle import (
    ModelBundle,
    build_bundle,
    build_bundle_from,
)
from tfmmrec.models.run_folder import read_run, save_run
from tfmmrec.models.unscorable_items import unscorable_items, warn_unscorable_items
from tfmmrec.training.auto_query import candidates
from tfmmrec.training.checkpoints import Checkpoints, checkpoints_of
from tfmmrec.training.fit import fit


def train(
    data: str | Path, out: str | Path, config: TrainConfig = TrainConfig(), *, resume: bool = False
) -> dict[str, Any]:
    """Trains a model and writes a run folder.

    While it trains, logs and checkpoints stand beside the run, in `OUT.partial`, or the checkpoints
    where the config says; the run itself appears when it is whole. Of several processes, the first
    writes it; one that only serves the others returns when they are done.

    Args:
        data: a data folder.
        out: the run folder.
        config: how to build and train.
        resume: go on with the last whole epoch of a training that was stopped; a run that is
            finished is left as it is.

    Returns:
        The run's metrics; none from a process that only serves.
    """
    data, out = Path(data), Path(out)
    if serves(config.strategy):
        serve(read_cluster())
        return {}
    strategy = create_strategy(config.strategy)
    if resume and out.exists():
        return read_run(out)["metrics"]
    with with_others(strategy):
        if leads(strategy):
            return _lead(data, out, config, strategy, resume)
        return _accompany(data, out, config, strategy, resume)


def _lead(
    data: Path, out: Path, config: TrainConfig, strategy: tf.distribute.Strategy, resume: bool
) -> dict[str, Any]:
    """Trains, alone or with others, and writes the run."""
    partial = out.with_name(out.name + ".partial")
    refuse_existing(out)
    if partial.exists() and not resume:
        raise DataError(f"{partial}: a training was stopped here; add --resume or remove it")
    checkpoints = checkpoints_of(config, partial)
    if not resume and checkpoints.exist():
        raise DataError(
            f"{checkpoints.folder}: has checkpoints of a stopped training; add --resume or "
            "remove it"
        )
    make = _maker(Dataset(data, cache=config.cache), strategy)
    bundle = make(dataclasses.replace(config, refit=False))
    if not config.quiet:
        for line in (*bundle.items.summary_lines("items"), *bundle.users.summary_lines("users")):
            print(line)
    warn_unscorable_items(unscorable_items(bundle), bundle.dataset.item_ids)
    partial.mkdir(parents=True, exist_ok=True)
    try:
        bundle, metrics = fit_whole(bundle, config, make, partial, checkpoints)
    except TfmmrecError:
        if not resume and not checkpoints.exist():
            shutil.rmtree(partial)
        raise
    save_run(partial, bundle, metrics)
    checkpoints.clear()
    if out.exists():
        out.rmdir()  # refuse_existing let only an empty folder pass
    partial.rename(out)
    return metrics


def _accompany(
    data: Path, out: Path, config: TrainConfig, strategy: tf.distribute.Strategy, resume: bool
) -> dict[str, Any]:
    """Takes its part in a training that another process leads, and leaves nothing behind."""
    partial = out.with_name(out.name + ".partial")
    make = _maker(Dataset(data, cache=config.cache), strategy)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / partial.name
        folder.mkdir()
        checkpoints = Checkpoints(folder / "checkpoints")
        # The other writes there again when all have trained for an epoch, and not before.
        if resume:
            checkpoints.copy_from(checkpoints_of(config, partial))
        bundle = make(dataclasses.replace(config, refit=False))
        return fit_whole(bundle, config, make, folder, checkpoints)[1]


def _maker(
    dataset: Dataset, strategy: tf.distribute.Strategy
) -> Callable[[TrainConfig], ModelBundle]:
    """What builds the models of one training, which differ in how users are read and in splits.

    Frozen encoders are loaded, and their outputs read, for the first of them alone.
    """
    sides: list[EncodedEntities] = []

    def make(config: TrainConfig) -> ModelBundle:
        with training_on(strategy):
            if sides:
                return build_bundle_from(dataset, config, *sides)
            bundle = build_bundle(dataset, config)
        # Encoders that are trained begin anew with each model.
        if not bundle.model.trainable_features:
            sides.extend((bundle.items, bundle.users))
        return bundle

    return make


def fit_whole(
    bundle: ModelBundle,
    config: TrainConfig,
    make: Callable[[TrainConfig], ModelBundle],
    folder: Path | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[ModelBundle, dict[str, Any]]:
    """Fits what a config leaves to choose and, where it says `refit`, the chosen one once more.

    That is fitted on train and valid, for as many epochs as were best for the first.

    Args:
        assembly: the model of the config without `refit`.
        config: how to train.
        make: builds a fresh model of a config.
        folder: as for `fit`; of several models, those before the last have `candidates` in it.
        checkpoints: as for `fit`, likewise.

    Returns:
        What was fitted last, and the metrics of what was chosen, with the seconds of all and, where
        there was a choice, the metric that made it, by `candidates`.
    """
    again = config.refit and bundle.dataset.has_validation_events(config.task)
    offered = candidates(config, bundle)
    found: dict[str, tuple[ModelBundle, dict[str, Any]]] = {}
    for kind, offer in offered.items():
        inside, kept = folder, checkpoints
        if len(offered) > 1 or again:
            inside = folder and folder / "candidates" / kind
            kept = checkpoints and checkpoints.within(f"candidates/{kind}")
        # The first is there, but does not know yet that its reader is chosen.
        model = make(dataclasses.replace(offer, refit=False)) if found else bundle
        model = dataclasses.replace(model, config=dataclasses.replace(offer, refit=False))
        found[kind] = model, fit(model, inside, checkpoints=kept)
    objective = config.objective_spec
    best = max(found, key=lambda kind: objective.worth(found[kind][1]))
    bundle, metrics = found[best]
    seconds = [each["seconds"] for _, each in found.values()]
    if len(found) > 1:
        metrics["candidates"] = {kind: each[objective.name] for kind, (_, each) in found.items()}
        if not config.quiet:
            worths = ", ".join(f"{kind} {x:.4f}" for kind, x in metrics["candidates"].items())
            print(f"query: {best}, by {objective.name} on valid: {worths}")
    if again:
        bundle = make(offered[best])
        epochs = dataclasses.replace(bundle.config, epochs=metrics["epoch"])
        last = dataclasses.replace(bundle, config=epochs)
        seconds.append(fit(last, folder, checkpoints=checkpoints)["seconds"])
    elif folder is not None and len(found) > 1:
        shutil.copytree(folder / "candidates" / best, folder, dirs_exist_ok=True)
    return bundle, {**metrics, "seconds": round(sum(seconds), 1)}
