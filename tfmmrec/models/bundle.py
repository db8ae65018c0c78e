"""Model bundle: a model built from a data folder and a config, together with both."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.histories import Histories
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.distribute import strategies
from tfmmrec.distribute.precision import precision
from tfmmrec.distribute.strategies import needs_static_shapes
from tfmmrec.encoders.encoded_features import EncodedEntities, encode_entities
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.errors import DataError
from tfmmrec.layers.build_layer import build_layer
from tfmmrec.layers.feature_projections import FeatureProjections
from tfmmrec.models.catalog_embeddings import CatalogEmbeddings, catalog_embeddings
from tfmmrec.models.closed_form.repeat_term import RepeatTerm
from tfmmrec.models.cold_start.landmarks import landmark_rows
from tfmmrec.models.feature_table import FeatureTable
from tfmmrec.models.features_on import check_features_on, stays_on_host
from tfmmrec.models.invalid_encodings import invalid_encodings
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.models.lexical.index import LexicalIndex
from tfmmrec.models.model_spec import ModelSpec, parse_model_spec
from tfmmrec.models.query_tower import QueryTower
from tfmmrec.models.task_factory import create_tasks
from tfmmrec.models.training_events import TrainingEvents, TrainingStatistics
from tfmmrec.models.two_tower import TwoTower


@dataclasses.dataclass(frozen=True)
class ModelBundle:
    """A model with the data and the config that it was built from.

    Attributes:
        dataset: the data folder.
        config: how to build and train the model.
        items: the encoded items.
        users: the encoded users.
        events: the training events, which are read when they are first used.
        statistics: what the model keeps of the training events.
        model: the model.
        saved_catalog: the embeddings of the catalog that a run has stored; None while the weights
            may change.
        saved_words: the words of the items' texts that a run has stored.
        updated: for a run that was updated to newer data, `updated` of its run.json.
    """

    dataset: Dataset
    config: TrainConfig
    items: EncodedEntities
    users: EncodedEntities
    events: TrainingEvents
    statistics: TrainingStatistics
    model: TwoTower
    saved_catalog: CatalogEmbeddings | None = None
    saved_words: LexicalIndex | None = None
    updated: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        config, features = self.config, ", ".join(self.items.modalities) or "no features"
        return (
            f"ModelBundle(task {config.task}, fusion {config.fusion['kind']} of {features}, "
            f"query {config.query['kind']}, dim {config.dim}; {self.dataset!r})"
        )

    @property
    def histories(self) -> Histories:
        """The items of each user's training events, with times if the model reads them."""
        return self.events.histories

    @property
    def outcomes(self) -> LabeledEvents:
        """The training events with labels for rating and click; empty without such a task."""
        return self.events.outcomes

    def catalog(self) -> CatalogEmbeddings:
        """Returns the embeddings of the catalog, those of the run or by the current weights."""
        return self.saved_catalog or catalog_embeddings(self.model)

    def words(self) -> LexicalIndex | None:
        """Returns the words of the items' texts; None if the model reads none."""
        return self.saved_words or LexicalIndex.build(self.dataset, self.items.modalities)


def build_bundle(dataset: Dataset, config: TrainConfig) -> ModelBundle:
    """Builds a model with fresh weights, its normalization fitted to the catalog.

    Raises:
        ConfigError: the config does not fit the data; raised before anything is encoded.
    """
    check_features_on(config)
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
    events = _training_events(dataset, config, spec)
    statistics = TrainingStatistics.of(events, dataset.cold_items)
    landmarks = landmark_rows(items, statistics.counts, config.cold_start.num_items)
    with strategies.current_strategy().scope(), precision(config.precision):
        features = (items.features(), users.features())
        model = build_model(
            config,
            spec,
            features,
            statistics,
            num_landmarks=len(landmarks),
            items=items,
            users=users,
            histories=events.histories,
            withheld=dataset.cold_items,
            on_host=stays_on_host(config, [items, users]),
            ranks_histories=dataset.schema.ranks_histories,
        )
        _fit(model.item_tower.projections, dataset, "items", items)
        _fit(model.query_tower.projections, dataset, "users", users)
    return ModelBundle(dataset, config, items, users, events, statistics, model)


def open_bundle(
    dataset: Dataset,
    config: TrainConfig,
    items: EncodedEntities,
    users: EncodedEntities,
    statistics: TrainingStatistics,
    *,
    num_landmarks: int,
) -> ModelBundle:
    """Builds the model of a run with fresh weights, to restore the trained ones.

    Nothing is fitted, and neither events nor frozen encoders are read. The model cannot be trained.

    Args:
        dataset: the data folder.
        config: of the run.
        items: the items of the data folder.
        users: the users of the data folder.
        statistics: of the events that the model was trained on.
        num_landmarks: of the cold-start regression.
    """
    spec = parse_model_spec(dataset, config, items.modalities)
    with strategies.current_strategy().scope(), precision(config.precision):
        model = build_model(
            config,
            spec,
            (items.features(), users.features()),
            statistics,
            num_landmarks=num_landmarks,
            items=items,
            users=users,
            # What is done with a run reads each item once or twice.
            on_host=True,
            ranks_histories=dataset.schema.ranks_histories,
        )
    events = _training_events(dataset, config, spec)
    return ModelBundle(dataset, config, items, users, events, statistics, model)


def _training_events(dataset: Dataset, config: TrainConfig, spec: ModelSpec) -> TrainingEvents:
    with_times = bool(spec.history_encoder.options.get("time_intervals"))
    return TrainingEvents(dataset, config, with_times=with_times)


def build_model(
    config: TrainConfig,
    spec: ModelSpec,
    features: tuple[Sequence[FeatureInfo], Sequence[FeatureInfo]],
    statistics: TrainingStatistics,
    *,
    num_landmarks: int,
    items: EncodedEntities | None = None,
    users: EncodedEntities | None = None,
    histories: Histories | None = None,
    withheld: np.ndarray | None = None,
    on_host: bool = False,
    ranks_histories: bool = False,
) -> TwoTower:
    """Builds a model with fresh weights, all of its variables created.

    Args:
        config: of the model.
        spec: its variants.
        features: the sizes of the item features and of the user features.
        statistics: of the training events.
        num_landmarks: of the cold-start regression.
        items: the items of the catalog (default: none can be embedded).
        users: the users (default: none can be embedded).
        histories: the training events by user, to train the model (default none).
        withheld: bool `[items]`, items that contrastive losses must not read (default none).
        on_host: whether encodings stay in their files, see `FeatureTable` (default False).
        ranks_histories: whether items of a history can be candidates, and have a `RepeatTerm`
            (default False).
    """
    tf.keras.utils.set_random_seed(config.seed)
    num_items, num_users = len(statistics.counts), len(statistics.known_users)
    trainable_features = {} if items is None else items.trainable_features
    item_tower = ItemTower(
        features[0],
        num_items=num_items if config.id_embedding else 0,
        dim=config.dim,
        fusion=spec.fusion,
        id_embedding_dropout=config.id_embedding_dropout,
        modality_dropout=config.modality_dropout,
        dropout=config.dropout,
        units=config.projection_units,
        pool=config.pool,
        cold_start=config.cold_start if config.id_embedding else None,
        num_landmarks=num_landmarks,
        closed_form_dim=_closed_form_dim(config, statistics),
    )
    has_repeat_term = ranks_histories and "retrieval" in statistics.task_weights
    tasks = create_tasks(config, statistics, tower=item_tower, histories=histories)
    query_tower = QueryTower(
        features[1],
        dim=config.dim,
        history_encoders=[
            spec.history_encoder.create() for _ in range(item_tower.fusion.num_blocks)
        ],
        num_users=num_users,
        dropout=config.dropout,
        static_shapes=needs_static_shapes(config.strategy, config.jit_compile),
    )
    model = TwoTower(
        item_tower,
        query_tower,
        items=FeatureTable(
            {} if items is None else items.encodings,
            trainable_features=trainable_features,
            on_host=on_host,
        ),
        users=FeatureTable({} if users is None else users.encodings, on_host=on_host),
        counts=statistics.counts,
        known_users=statistics.known_users,
        never_chosen=statistics.never_chosen,
        repeat_term=RepeatTerm(num_items) if has_repeat_term else None,
        loss_weighting=tasks.loss_weighting,
        retrieval=tasks.retrieval,
        rating_click=tasks.rating_click,
        temperature=config.temperature,
        contrastive=config.contrastive,
        withheld=withheld,
        static_shapes=needs_static_shapes(config.strategy, config.jit_compile),
        trainable_features=trainable_features,
    )
    _create_variables(model)
    return model


def _closed_form_dim(config: TrainConfig, statistics: TrainingStatistics) -> int:
    """The width of the terms in closed form, 0 if the model has none.

    Without id embeddings, an item is nothing but its content. Rating and click have heads of their
    own.
    """
    if not config.id_embedding or "retrieval" not in statistics.task_weights:
        return 0
    return config.closed_form.dim_of(len(statistics.counts))


def _create_variables(model: TwoTower) -> None:
    """Creates all variables, so that they exist before they are saved or restored."""
    build_layer(model.item_tower, None)
    build_layer(model.query_tower, None)
    for head in model.heads:
        build_layer(head, [None, model.item_tower.width])
    model.built = True


def _fit(
    projections: FeatureProjections | None,
    dataset: Dataset,
    entity: EntityName,
    entities: EncodedEntities,
) -> None:
    """Fits the normalization of encodings to the catalog."""
    if projections is None:
        return
    for info, projection in zip(projections.features, projections.projections, strict=True):
        try:
            projection.fit(entities.encodings[info.name])
        except DataError as error:
            lines = invalid_encodings(dataset, entity, entities)
            reason = "; ".join(lines) or f"{entity}.features.{info.name}: {error}"
            raise DataError(
                f"{dataset.folder}: {reason}; correct the values or the encoder, or leave the "
                "feature out with --features"
            ) from None


def samples_nonclicks(bundle: ModelBundle) -> bool:
    """Whether clicks are trained with sampled non-clicks, since all events are positive."""
    task = bundle.model.rating_click
    return task is not None and "click" in task.heads and not bundle.outcomes.has_negative_labels
