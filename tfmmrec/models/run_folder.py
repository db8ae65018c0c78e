"""Run folder: what a training leaves, from which its model is loaded without its encoders.

docs/formats/run.md lists the files.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.plain_paths import plain_path
from tfmmrec.data.storage import MANIFEST, checksum, write_json
from tfmmrec.data.vocabulary import write_vocabulary
from tfmmrec.distribute.checkpoint_options import checkpoint_options
from tfmmrec.encoders.encoded_features import EncodedEntities, open_entities
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.encoders.saved_encoders import SavedEncoders, write_fitted
from tfmmrec.errors import ConfigError, DataError, one_line
from tfmmrec.models.bundle import ModelBundle, open_bundle
from tfmmrec.models.catalog_embeddings import CatalogEmbeddings, write_embeddings
from tfmmrec.models.lexical.index import LexicalIndex
from tfmmrec.models.run_file import RUN, RUN_FORMAT, check_data_unchanged, check_keys, read_run
from tfmmrec.models.training_events import TrainingStatistics
from tfmmrec.models.two_tower import TwoTower
from tfmmrec.version import __version__

CATALOG = "catalog"
ITEM_IDS, USER_IDS = f"{CATALOG}/item_ids.txt", f"{CATALOG}/user_ids.txt"
_WORDS = "words"
_WEIGHTS = "weights/model"
_ENTITIES: tuple[EntityName, ...] = ("items", "users")


def save_run(
    folder: Path, bundle: ModelBundle, metrics: dict[str, Any], **more: Mapping[str, Any]
) -> None:
    """Writes the weights and the embeddings of the catalog, then run.json.

    run.json marks the folder as complete.

    Args:
        folder: the run folder, which exists.
        bundle: the trained model.
        metrics: stored in run.json.
        **more: further objects to store in run.json.
    """
    entities = {"items": bundle.items, "users": bundle.users}
    (folder / _WEIGHTS).parent.mkdir(exist_ok=True)
    options = checkpoint_options(bundle.model.distribute_strategy)
    tf.train.Checkpoint(model=bundle.model).write(str(folder / _WEIGHTS), options)
    write_fitted(folder, {side: own.fitted() for side, own in entities.items()})
    catalog = folder / CATALOG
    catalog.mkdir(exist_ok=True)
    write_vocabulary(folder / ITEM_IDS, bundle.dataset.item_ids)
    write_vocabulary(folder / USER_IDS, bundle.dataset.user_ids)
    regression = bundle.model.item_tower.regression
    run: dict[str, Any] = {
        "format": RUN_FORMAT,
        "version": __version__,
        "data": str(bundle.dataset.folder.resolve()),
        "manifest_sha256": checksum(bundle.dataset.folder / MANIFEST),
        "config": dataclasses.asdict(_as_trained(bundle)),
        "encoders": {side: own.describe() for side, own in entities.items()},
        "model": {
            "num_landmarks": 0 if regression is None else regression.num_landmarks,
            "ranks_histories": bundle.model.repeat_term is not None,
            "statistics": bundle.statistics.save(catalog),
            "features": {
                "items": _features(bundle.items),
                "users": _features(bundle.users),
            },
        },
        "metrics": metrics,
        **more,
    }
    run["model"]["catalog"] = write_embeddings(_loaded(folder, run, bundle), catalog)
    words = bundle.words()
    run["model"]["words"] = words and words.save(catalog / _WORDS)
    write_json(folder / RUN, run)


def _as_trained(bundle: ModelBundle) -> TrainConfig:
    """The config with the width of the terms in closed form, which follows from the catalog.

    `update` opens the run for another catalog, to which the width must not be adapted.
    """
    config, terms = bundle.config, bundle.model.item_tower.closed_form
    if terms is None:
        return config
    closed_form = dataclasses.replace(config.closed_form, dim=terms.dim)
    return dataclasses.replace(config, closed_form=closed_form)


def _features(entities: EncodedEntities) -> list[dict[str, Any]]:
    """The sizes of the features, and their declarations in the dataset file."""
    return [
        {**dataclasses.asdict(info), "declared": entities.modalities[info.name].options()}
        for info in entities.features()
    ]


def _loaded(folder: Path, run: Mapping[str, Any], bundle: ModelBundle) -> TwoTower:
    """The model as `load_run` loads it, which is in float32 and on one device."""
    strategy = bundle.model.distribute_strategy
    if bundle.config.precision != "float32" or strategy.num_replicas_in_sync > 1:
        return _open(folder, run, bundle.dataset, quiet=True).model
    return bundle.model


def load_run(folder: str | Path, *, quiet: bool = False) -> ModelBundle:
    """Loads a run: its data folder and its trained model.

    Frozen encoders are created, and events and encodings read, when they are first used: the
    embeddings of the items are stored in the run.

    Raises:
        DataError: the run or its data folder is missing or has changed since training.
    """
    folder = Path(folder)
    run = read_run(folder)
    check_keys(folder, run)
    dataset = Dataset(Path(run["data"]), cache=run["config"].get("cache"))
    check_data_unchanged(folder, run)
    bundle = _open(folder, run, dataset, quiet=quiet)
    try:
        catalog = CatalogEmbeddings.load(folder / CATALOG, run["model"]["catalog"])
        if len(catalog.item) != dataset.count("items"):
            raise ValueError("it has embeddings of other items")
        saved = run["model"]["words"]
        words = saved and LexicalIndex.load(folder / CATALOG / _WORDS, saved)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{folder}/{CATALOG}: cannot be read: {error}; train again") from None
    return dataclasses.replace(
        bundle, saved_catalog=catalog, saved_words=words, updated=run.get("updated")
    )


def _open(folder: Path, run: Mapping[str, Any], dataset: Dataset, *, quiet: bool) -> ModelBundle:
    """Builds the model of a run for the data folder of the run, and restores its weights."""
    config = read_config(folder, run, quiet=quiet)
    items, users = (
        open_entities(dataset, entity, config, saved_encoders(folder, run, entity))
        for entity in _ENTITIES
    )
    try:
        statistics = TrainingStatistics.load(folder / CATALOG, run["model"]["statistics"])
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{folder}/{CATALOG}: cannot be read: {error}; train again") from None
    bundle = open_bundle(
        dataset, config, items, users, statistics, num_landmarks=run["model"]["num_landmarks"]
    )
    read_weights(folder, bundle.model)
    return bundle


def read_config(folder: Path, run: Mapping[str, Any], *, quiet: bool) -> TrainConfig:
    """Reads the training file of a run, as its model is evaluated and served."""
    try:
        # Mixed precision is for training; evaluation and serving use float32.
        return TrainConfig(**{**run["config"], "quiet": quiet, "precision": "float32"})
    except (TypeError, ConfigError) as error:
        raise ConfigError(f"{folder}/{RUN}: config: {error}; train again") from None


def saved_encoders(folder: Path, run: Mapping[str, Any], entity: EntityName) -> SavedEncoders:
    """Returns the stored encoders of the items or users of a run."""
    features: Sequence[Mapping[str, Any]] = run["model"]["features"][entity]
    infos = [
        FeatureInfo(**{key: value for key, value in info.items() if key != "declared"})
        for info in features
    ]
    return SavedEncoders(folder, entity, run["encoders"][entity], infos)


def read_weights(folder: Path, model: tf.Module) -> None:
    """Restores the weights of a run into a model of the same sizes, or into a part of it.

    Args:
        folder: the run folder.
        model: the model, or an object with some of its attributes.

    Raises:
        DataError: the weights are missing, damaged, or of another size.
    """
    weights = folder / _WEIGHTS
    try:
        checkpoint = tf.train.Checkpoint(model=model)
        checkpoint.read(plain_path(weights)).expect_partial().assert_existing_objects_matched()
    except (tf.errors.OpError, AssertionError, ValueError) as error:
        reason = one_line(error)
        raise DataError(f"{weights}: the weights cannot be read: {reason}; train again") from None
