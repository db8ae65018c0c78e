"""A data folder and a config become encoders, cached outputs and a model."""

import dataclasses
import sys
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from scipy.sparse import csr_matrix

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.outcomes import LabeledEvents
from tfmmrec.distribute import strategies
from tfmmrec.distribute.precision import precision
from tfmmrec.distribute.strategies import needs_static_shapes
from tfmmrec.encoders.encoded_features import EncodedEntities, encode_entities, read_features
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.layers.feature_projections import FeatureProjections
from tfmmrec.layers.fusion import FUSIONS
from tfmmrec.layers.history import HISTORY_ENCODERS
from tfmmrec.models.cold_start.feature_relevance import item_factors
from tfmmrec.models.feature_table import FeatureTable
from tfmmrec.models.item_tower import ID, ItemTower
from tfmmrec.models.query_tower import QueryTower
from tfmmrec.models.scorer import Scorer
from tfmmrec.models.task_factory import create_tasks, task_weights
from tfmmrec.models.two_tower import TwoTower


@dataclasses.dataclass(frozen=True)
class ModelBundle:
    """A model and all that it was built from.

    Attributes:
        dataset: the data folder.
        config: how to build and train.
        items: the encoded items.
        users: the encoded users.
        histories: what each user chose in the events that it is trained on, and when, if the model
            reads that.
        outcomes: those of these events that teach ratings and clicks; none without such a task.
        model: the model.
    """

    dataset: Dataset
    config: TrainConfig
    items: EncodedEntities
    users: EncodedEntities
    histories: Histories
    outcomes: LabeledEvents
    model: TwoTower

    def check_unseen(self, split: str) -> None:
        """Raises DataError where the model was trained on a split that it is to be judged by."""
        if self.config.refit and split == "valid":
            raise DataError(f"split {split}: the model was trained on it (refit); use test")

    @property
    def max_history(self) -> int:
        """How many of a user's last items the model reads."""
        return self.model.query_tower.max_history

    @property
    def reads_times(self) -> bool:
        """Whether histories have to come with times."""
        return self.model.reads_times

    def unscorable_items(self) -> np.ndarray:
        """bool `[items]`: those with neither content nor a known id, which nothing answers with."""
        mute = ~_has_content(self.items, self.dataset.count("items"))
        return mute & ~self.model.known.numpy() if self.config.id_embedding else mute

    def fit_new_items(self) -> None:
        """Fits the regression behind the vectors of new items to the model as it is."""
        regression = self.model.item_tower.regression
        if regression is not None:
            counts = self.model.counts.numpy()
            rows = landmark_rows(self.items, counts, regression.num_landmarks)
            vectors = self.model.item_vectors(tf.constant(rows, tf.int32)).numpy()
            factors = None
            # A feature alone weighs 1 in any case.
            learned = self.config.cold_start.feature_weights == "learned"
            if learned and len(regression.features) > 1:
                items, offsets = self.histories.items, self.histories.offsets
                chosen = (np.ones(len(items)), items, offsets)
                shape = (len(offsets) - 1, len(counts))
                factors = item_factors(csr_matrix(chosen, shape)[:, rows])
            regression.fit(self.model.items.gather(rows), vectors, counts[rows], factors)

    def scorer(self) -> Scorer:
        """Scores the catalogue with the model as it is."""
        return Scorer(
            self.model, num_items=self.dataset.count("items"), max_history=self.max_history
        )


def landmark_rows(items: EncodedEntities, counts: np.ndarray, most: int) -> np.ndarray:
    """The items with content that were chosen most often, `most` at most, in order of rows."""
    rows = np.flatnonzero(_has_content(items, len(counts)) & (counts > 0))
    return np.sort(rows[np.argsort(-counts[rows], kind="stable")[:most]])


def _has_content(items: EncodedEntities, num_items: int) -> np.ndarray:
    """bool `[items]`: those that have any of the features."""
    told = np.zeros(num_items, bool)
    for encoded in items.encoded.values():
        told |= encoded.present
    return told


def warn_unscorable_items(items: np.ndarray, ids: Sequence[str]) -> None:
    """Says on stderr which items nothing is known of, the first by name."""
    rows = np.flatnonzero(items)
    if len(rows):
        names = ", ".join(ids[row] for row in rows[:5]) + (", …" if len(rows) > 5 else "")
        print(
            f"tfmmrec: {len(rows)} items have neither content nor events to train on, and are "
            f"in no answer: {names}",
            file=sys.stderr,
        )


def build_bundle(dataset: Dataset, config: TrainConfig) -> ModelBundle:
    """Builds a model with fresh weights, its standardisation fitted to the catalogue.

    Raises:
        ConfigError: the config does not fit the data.
    """
    _check_kinds(dataset, config)
    items = encode_entities(dataset, "items", config)
    users = encode_entities(dataset, "users", config)
    return build_bundle_from(dataset, config, items, users)


def build_bundle_from(
    dataset: Dataset, config: TrainConfig, items: EncodedEntities, users: EncodedEntities
) -> ModelBundle:
    """Builds a model as `build_bundle` does, on sides that have been encoded before."""
    tf.keras.utils.set_random_seed(config.seed)
    histories = dataset.histories(
        config.train_splits, timed=HISTORY_ENCODERS.create(config.history_encoder).time_intervals
    )
    outcomes = dataset.outcomes(config.train_splits)
    weights = task_weights(config, outcomes)
    if "click" not in weights:
        outcomes = outcomes.take(outcomes.rated & ("rating" in weights))
    with strategies.current().scope(), precision(config.precision):
        model = _build(dataset, config, items, users, histories, outcomes, weights)
        _build_weights(model)
        _fit(model.item_tower.projections, items)
        _fit(model.query_tower.projections, users)
    return ModelBundle(dataset, config, items, users, histories, outcomes, model)


def fused_names(dataset: Dataset, config: TrainConfig) -> list[str]:
    """What the fusion of a config joins, in order: features, or modalities where these are pooled,
    and the id where the kind takes it."""
    modalities = read_features(dataset, "items", config)
    names = list(modalities)
    if config.pool != "none":
        names = list(dict.fromkeys(m.element or m.kind for m in modalities.values()))
    if config.id_embedding and FUSIONS.variant(config.fusion).takes_id:
        names.append(ID)
    return names


def _check_kinds(dataset: Dataset, config: TrainConfig) -> None:
    """Looks kinds and options up before anything is encoded, which may take long."""
    reader = HISTORY_ENCODERS.create(config.history_encoder)
    if reader.is_causal and config.history_context != "causal":
        raise ConfigError(
            f"history_context: query.kind {config.query['kind']} needs causal; use that, or mean"
        )
    if reader.time_intervals:
        _check_gaps(dataset, config)
    names = fused_names(dataset, config)
    if names:
        FUSIONS.create(config.fusion, names=names)
    elif not config.id_embedding:
        raise ConfigError("features: items have no feature, and id_embedding is false; set either")


def _check_gaps(dataset: Dataset, config: TrainConfig) -> None:
    if not dataset.schema.has_time:
        raise ConfigError(
            f"query.time_intervals: the interactions of {dataset.folder} have no times; "
            "name their column as interactions.time in the dataset file and pack again, "
            "or leave query.time_intervals out"
        )
    if config.history_context != "causal":
        raise ConfigError("history_context: query.time_intervals needs causal")


def _build(
    dataset: Dataset,
    config: TrainConfig,
    items: EncodedEntities,
    users: EncodedEntities,
    histories: Histories,
    outcomes: LabeledEvents,
    weights: dict[str, float],
) -> TwoTower:
    counts = histories.counts(dataset.count("items"))
    known_users = np.diff(histories.offsets) > 0
    if "retrieval" not in weights:
        # Also what nobody liked is trained on.
        counts = np.bincount(outcomes.item, minlength=len(counts))
        known_users = np.bincount(outcomes.user, minlength=len(known_users)) > 0
    options = config.cold_start
    item_tower = ItemTower(
        items.features(config.pca_dim),
        num_items=dataset.count("items") if config.id_embedding else 0,
        dim=config.dim,
        fusion=config.fusion,
        id_embedding_dropout=config.id_embedding_dropout,
        modality_dropout=config.modality_dropout,
        dropout=config.dropout,
        units=config.projection_units,
        pool=config.pool,
        cold_start=options if config.id_embedding else None,
        num_landmarks=len(landmark_rows(items, counts, options.num_items)),
    )
    tasks, balance = create_tasks(
        config,
        weights,
        tower=item_tower,
        histories=histories,
        outcomes=outcomes,
        num_items=len(counts),
    )
    readers = [
        HISTORY_ENCODERS.create(config.history_encoder) for _ in range(item_tower.fusion.num_blocks)
    ]
    return TwoTower(
        item_tower,
        QueryTower(
            users.features(),
            dim=config.dim,
            readers=readers,
            num_users=dataset.count("users"),
            dropout=config.dropout,
        ),
        items=FeatureTable(items.encoded, trained=items.trained),
        users=FeatureTable(users.encoded),
        counts=counts,
        known_users=known_users,
        tasks=tasks,
        balance=balance,
        temperature=config.temperature,
        align=config.contrastive,
        withheld=dataset.cold_items,
        fixed_shapes=needs_static_shapes(config.strategy, config.jit_compile),
        trained=items.trained,
    )


def _fit(projections: FeatureProjections | None, side: EncodedEntities) -> None:
    if projections is not None:
        for info, projection in zip(projections.features, projections.projections, strict=True):
            projection.fit(side.encoded[info.name])


def _build_weights(model: TwoTower) -> None:
    """Creates all variables, so that they exist before they are saved or restored."""
    model.item_tower.build(None)
    model.query_tower.build(None)
    for head in model.heads:
        head.build([None, model.item_tower.width])
    model.built = True


def samples_nonclicks(bundle: ModelBundle) -> bool:
    """Whether clicks are taught beside drawn items, as the log tells of choices only."""
    task = bundle.model.outcomes
    return task is not None and "click" in task.heads and not bundle.outcomes.has_negative_labels
