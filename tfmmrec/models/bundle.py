"""Model bundle: a model built from a data folder and a config, together with both."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.distribute import strategies
from tfmmrec.distribute.precision import precision
from tfmmrec.distribute.strategies import needs_static_shapes
from tfmmrec.encoders.encoded_features import EncodedEntities, encode_entities
from tfmmrec.errors import DataError
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.feature_projections import FeatureProjections
from tfmmrec.models.cold_start.landmarks import landmark_rows
from tfmmrec.models.feature_table import FeatureTable
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.models.model_spec import ModelSpec, parse_model_spec
from tfmmrec.models.query_tower import QueryTower
from tfmmrec.models.task_factory import create_tasks, task_weights
from tfmmrec.models.two_tower import TwoTower


@dataclasses.dataclass(frozen=True)
class ModelBundle:
    """A model with the data and the config that it was built from.

    Attributes:
        dataset: the data folder.
        config: how to build and train the model.
        items: the encoded items.
        users: the encoded users.
        histories: the items of each user's training events, with times if the model reads them.
        outcomes: the training events with labels for rating and click; empty without such a task.
        model: the model.
    """

    dataset: Dataset
    config: TrainConfig
    items: EncodedEntities
    users: EncodedEntities
    histories: Histories
    outcomes: LabeledEvents
    model: TwoTower


def check_not_trained_on(config: TrainConfig, split: str) -> None:
    """Raises DataError if a model was trained on the split that it is to be evaluated on."""
    if config.refit and split == "valid":
        raise DataError(f"split {split}: the model was trained on it (refit); use test")


def build_bundle(dataset: Dataset, config: TrainConfig) -> ModelBundle:
    """Builds a model with fresh weights, its normalization fitted to the catalog.

    Raises:
        ConfigError: the config does not fit the data; raised before anything is encoded.
    """
    spec = parse_model_spec(dataset, config)
    items = encode_entities(dataset, "items", config)
    users = encode_entities(dataset, "users", config)
    return _build_bundle(dataset, config, spec, items, users)


def build_bundle_from(
    dataset: Dataset, config: TrainConfig, items: EncodedEntities, users: EncodedEntities
) -> ModelBundle:
    """Builds a model as `build_bundle` does, from items and users that are encoded already."""
    return _build_bundle(dataset, config, parse_model_spec(dataset, config), items, users)


def _build_bundle(
    dataset: Dataset,
    config: TrainConfig,
    spec: ModelSpec,
    items: EncodedEntities,
    users: EncodedEntities,
) -> ModelBundle:
    tf.keras.utils.set_random_seed(config.seed)
    with_times = bool(spec.history_encoder.options.get("time_intervals"))
    histories = dataset.histories(config.train_splits, with_times=with_times)
    outcomes = dataset.outcomes(config.train_splits)
    weights = task_weights(config, outcomes)
    if "click" not in weights:
        outcomes = outcomes.take(outcomes.rated & ("rating" in weights))
    with strategies.current_strategy().scope(), precision(config.precision):
        model = _build_model(dataset, config, spec, items, users, histories, outcomes, weights)
        _create_variables(model)
        _fit(model.item_tower.projections, items)
        _fit(model.query_tower.projections, users)
    return ModelBundle(dataset, config, items, users, histories, outcomes, model)


def _build_model(
    dataset: Dataset,
    config: TrainConfig,
    spec: ModelSpec,
    items: EncodedEntities,
    users: EncodedEntities,
    histories: Histories,
    outcomes: LabeledEvents,
    weights: dict[str, float],
) -> TwoTower:
    counts = histories.counts(dataset.count("items"))
    known_users = np.diff(histories.offsets) > 0
    if "retrieval" not in weights:
        # Rating and click are trained on negative events as well.
        counts = np.bincount(outcomes.item, minlength=len(counts))
        known_users = np.bincount(outcomes.user, minlength=len(known_users)) > 0
    options = config.cold_start
    item_tower = ItemTower(
        items.features(config.pca_dim),
        num_items=dataset.count("items") if config.id_embedding else 0,
        dim=config.dim,
        fusion=spec.fusion,
        id_embedding_dropout=config.id_embedding_dropout,
        modality_dropout=config.modality_dropout,
        dropout=config.dropout,
        units=config.projection_units,
        pool=config.pool,
        cold_start=options if config.id_embedding else None,
        num_landmarks=len(landmark_rows(items, counts, options.num_items)),
    )
    tasks = create_tasks(
        config,
        weights,
        tower=item_tower,
        histories=histories,
        outcomes=outcomes,
        num_items=len(counts),
    )
    query_tower = QueryTower(
        users.features(),
        dim=config.dim,
        history_encoders=[
            spec.history_encoder.create() for _ in range(item_tower.fusion.num_blocks)
        ],
        num_users=dataset.count("users"),
        dropout=config.dropout,
    )
    return TwoTower(
        item_tower,
        query_tower,
        items=FeatureTable(items.encodings, trainable_features=items.trainable_features),
        users=FeatureTable(users.encodings),
        counts=counts,
        known_users=known_users,
        loss_weighting=tasks.loss_weighting,
        retrieval=tasks.retrieval,
        rating_click=tasks.rating_click,
        temperature=config.temperature,
        contrastive=config.contrastive,
        withheld=dataset.cold_items,
        static_shapes=needs_static_shapes(config.strategy, config.jit_compile),
        trainable_features=items.trainable_features,
    )


def _create_variables(model: TwoTower) -> None:
    """Creates all variables, so that they exist before they are saved or restored."""
    build_layer(model.item_tower, None)
    build_layer(model.query_tower, None)
    for head in model.heads:
        build_layer(head, [None, model.item_tower.width])
    model.built = True


def _fit(projections: FeatureProjections | None, entities: EncodedEntities) -> None:
    """Fits the normalization of encodings to the catalog."""
    if projections is not None:
        for info, projection in zip(projections.features, projections.projections, strict=True):
            projection.fit(entities.encodings[info.name])


def samples_nonclicks(bundle: ModelBundle) -> bool:
    """Whether clicks are trained with sampled non-clicks, since all events are positive."""
    task = bundle.model.rating_click
    return task is not None and "click" in task.heads and not bundle.outcomes.has_negative_labels
