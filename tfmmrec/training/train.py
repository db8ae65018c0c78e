"""Training: a data folder and a config become a run."""

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import tensorflow as tf

from tfmmrec.config.checks import check_config
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.distribute.cluster import read_cluster, run_server
from tfmmrec.distribute.strategies import (
    create_strategy,
    is_chief,
    is_server,
    peer_errors,
    use_strategy,
)
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.errors import DataError, TfmmrecError
from tfmmrec.models.bundle import (
    ModelBundle,
    build_bundle,
    build_bundle_from,
)
from tfmmrec.models.run_file import read_run
from tfmmrec.models.run_folder import save_run
from tfmmrec.models.unscorable_items import unscorable_items, warn_unscorable_items
from tfmmrec.training.checkpoints import Checkpoints, checkpoints_of
from tfmmrec.training.fit_config import fit_config
from tfmmrec.training.out_folder import check_out, partial_folder
from tfmmrec.training.own_validation import with_validation

Callbacks: TypeAlias = Sequence[tf.keras.callbacks.Callback]


def train(
    data: str | Path,
    out: str | Path,
    config: TrainConfig = TrainConfig(),
    *,
    resume: bool = False,
    callbacks: Callbacks = (),
) -> dict[str, Any]:
    """Trains a model and writes a run folder.

    During the training, logs and checkpoints are in `OUT.partial` (checkpoints in the folder that
    the config names, if it names one); `OUT` appears when the run is complete. Of several
    processes, the chief writes it. A process that only serves a coordinator returns after it.

    Args:
        data: a data folder.
        out: the run folder.
        config: of the model and its training.
        resume: continue an interrupted training from its last checkpoint; a complete run is left as
            it is.
        callbacks: Keras callbacks that run after those of the training, in each `fit` of it.

    Returns:
        The metrics of the run; empty from a process that only serves.

    Raises:
        ConfigError: the options do not go together.
        DataError: there is nothing to train on, the loss is not finite, or `out` exists.
    """
    check_config(config, TrainConfig)
    data, out = Path(data), Path(out)
    if is_server(config.strategy):
        run_server(read_cluster())
        return {}
    strategy = create_strategy(config.strategy)
    if resume and out.exists():
        run = read_run(out)
        if "updated" in run:
            raise DataError(f"{out}: was written by tfmmrec update; there is no training to resume")
        if not config.quiet:
            print(f"{out}: complete; there is nothing to resume")
        return run["metrics"]
    with peer_errors(strategy):
        if is_chief(strategy):
            return _train_as_chief(data, out, config, strategy, resume, callbacks)
        return _train_as_worker(data, out, config, strategy, resume, callbacks)


def _train_as_chief(
    data: Path,
    out: Path,
    config: TrainConfig,
    strategy: tf.distribute.Strategy,
    resume: bool,
    callbacks: Callbacks,
) -> dict[str, Any]:
    """Trains, alone or with other processes, and writes the run."""
    check_out(out, resume=resume)
    partial = partial_folder(out)
    checkpoints = checkpoints_of(config, partial)
    if not resume and checkpoints.exist():
        raise DataError(
            f"{checkpoints.folder}: has checkpoints of a stopped training; add --resume or "
            "remove it"
        )
    dataset = with_validation(Dataset(data, cache=config.cache), config, quiet=config.quiet)
    build = _builder(dataset, strategy)
    bundle = build(dataclasses.replace(config, refit=False))
    if not config.quiet:
        for line in (*bundle.items.progress_lines("items"), *bundle.users.progress_lines("users")):
            print(line)
    unscorable = unscorable_items(bundle)
    if config.refit and config.id_embedding:
        # The final model knows the items of held-out events too.
        histories = dataset.whole.histories(config.train_splits)
        unscorable &= histories.counts(len(unscorable)) == 0
    warn_unscorable_items(unscorable, dataset.item_ids)
    partial.mkdir(parents=True, exist_ok=True)
    try:
        bundle, metrics = fit_config(
            bundle, config, build, partial, checkpoints=checkpoints, callbacks=callbacks
        )
    except TfmmrecError:
        if not resume and not checkpoints.exist():
            shutil.rmtree(partial)
        raise
    save_run(partial, bundle, metrics)
    checkpoints.clear()
    if out.exists():
        out.rmdir()  # check_out accepts only an empty folder
    partial.rename(out)
    return metrics


def _train_as_worker(
    data: Path,
    out: Path,
    config: TrainConfig,
    strategy: tf.distribute.Strategy,
    resume: bool,
    callbacks: Callbacks,
) -> dict[str, Any]:
    """Trains together with the chief, and writes to a temporary folder only."""
    partial = partial_folder(out)
    dataset = with_validation(Dataset(data, cache=config.cache), config, quiet=True)
    build = _builder(dataset, strategy)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / partial.name
        folder.mkdir()
        checkpoints = Checkpoints(folder / "checkpoints")
        # The chief writes its next checkpoint after an epoch of all processes, and not earlier.
        if resume:
            checkpoints.copy_from(checkpoints_of(config, partial))
        bundle = build(dataclasses.replace(config, refit=False))
        _, metrics = fit_config(
            bundle, config, build, folder, checkpoints=checkpoints, callbacks=callbacks
        )
        return metrics


def _builder(
    dataset: Dataset, strategy: tf.distribute.Strategy
) -> Callable[[TrainConfig], ModelBundle]:
    """A function that builds the models of one training, which differ in query and splits.

    Frozen encoders are loaded, and their outputs read, for the first model only.
    """
    entities: list[EncodedEntities] = []

    def build(config: TrainConfig) -> ModelBundle:
        with use_strategy(strategy):
            # The final model is trained on what is held out of those before it.
            source = dataset.whole if config.refit else dataset
            if entities:
                return build_bundle_from(source, config, *entities)
            bundle = build_bundle(source, config)
        # Fine-tuned encoders start from their first weights with each model.
        if not bundle.model.trainable_features:
            entities.extend((bundle.items, bundle.users))
        return bundle

    return build
