"""A data folder and a config become encoders, cached outputs and a model."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfmmrec.config import TrainConfig
from tfmmrec.dataset import Dataset, SideName
from tfmmrec.encoders import Encoded, FeatureEncoder, create_encoders, encode_feature
from tfmmrec.errors import ConfigError
from tfmmrec.feature_table import FeatureTable
from tfmmrec.finetuning import FinetuneOptions, RawFile, TrainedFeature, finetune_options
from tfmmrec.fusion import FUSIONS
from tfmmrec.modalities import Modality
from tfmmrec.model import TwoTower
from tfmmrec.projection import FeatureInfo
from tfmmrec.query import READERS
from tfmmrec.scoring import Scorer
from tfmmrec.towers import ID, FeatureProjections, ItemTower, QueryTower


@dataclasses.dataclass(frozen=True)
class EncodedSide:
    """One side's encoders and what they gave.

    Attributes:
        modalities: by feature, those that the model reads.
        encoders: by feature.
        encoded: by feature.
        trained: the features whose encoders are trained with the towers.
    """

    modalities: Mapping[str, Modality]
    encoders: Mapping[str, FeatureEncoder]
    encoded: Mapping[str, Encoded]
    trained: Mapping[str, TrainedFeature] = dataclasses.field(default_factory=dict)

    def features(self) -> list[FeatureInfo]:
        """The features, as a tower is built from them."""
        return [
            FeatureInfo.of(name, modality, self.encoders[name], self.encoded[name])
            for name, modality in self.modalities.items()
        ]

    def lines(self, side: SideName) -> list[str]:
        """What was encoded, and how, a line for each feature."""
        return [
            f"{side}.{name}: {encoded.present.sum()} encoded, shape {encoded.outputs.shape}: "
            f"{self.encoders[name].summary()}"
            for name, encoded in self.encoded.items()
        ]


@dataclasses.dataclass(frozen=True)
class Assembly:
    """A model and all that it was built from."""

    dataset: Dataset
    config: TrainConfig
    items: EncodedSide
    users: EncodedSide
    model: TwoTower

    @property
    def max_history(self) -> int:
        """How many of a user's last items the model reads."""
        return self.model.query_tower.max_history

    def scorer(self) -> Scorer:
        """Scores the catalogue with the model as it is."""
        return Scorer(
            self.model, num_items=self.dataset.count("items"), max_history=self.max_history
        )


def encode_side(dataset: Dataset, side: SideName, config: TrainConfig) -> EncodedSide:
    """Encodes all features of one side, or reads their outputs from the cache."""
    modalities = read_features(dataset, side, config)
    trained = trained_options(modalities, config) if side == "items" else {}
    encoders = create_encoders(
        dataset,
        side,
        config.encoders,
        features=list(modalities),
        trainable=trained,
        quiet=config.quiet,
    )
    encoded = {
        feature: encode_feature(dataset, side, feature, encoder, quiet=config.quiet)
        for feature, encoder in encoders.items()
    }
    features = {
        name: TrainedFeature(name, encoders[name], RawFile(dataset, side, name), options)
        for name, options in trained.items()
    }
    return EncodedSide(modalities, encoders, encoded, features)


def read_features(dataset: Dataset, side: SideName, config: TrainConfig) -> dict[str, Modality]:
    """The features of a side that the model reads, in the order of the schema."""
    known = dict(dataset.features(side))
    if side == "users" or config.features is None:
        return known
    for name in config.features:
        if name not in known:
            raise ConfigError(
                f"features: no item feature {name!r}; there are {', '.join(known) or 'none'}"
            )
    return {name: modality for name, modality in known.items() if name in config.features}


def trained_options(
    modalities: Mapping[str, Modality], config: TrainConfig
) -> dict[str, FinetuneOptions]:
    """How the encoders are trained of the item features that ask for it, by feature.

    Raises:
        ConfigError: a feature is not read, or its encoder cannot be trained.
    """
    given = finetune_options(config.finetune)
    for name in given:
        if name not in modalities:
            known = ", ".join(modalities) or "none"
            raise ConfigError(f"finetune: the model reads no item feature {name!r}; it reads {known}")
    options = {
        name: given.get(name, FinetuneOptions())
        for name, modality in modalities.items()
        if name in given or is_untrained(modality, config.encoders.get(name, "builtin"))
    }
    for name in options:
        if modalities[name].element is not None or modalities[name].steps_of_encoder:
            raise ConfigError(
                f"finetune.{name}: an encoder of several values, or with pca behind it, "
                "cannot be trained"
            )
    return options


def assemble(dataset: Dataset, config: TrainConfig) -> Assembly:
    """Builds a model with fresh weights, its standardisation fitted to the catalogue.

    Raises:
        ConfigError: the config does not fit the data.
    """
    tf.keras.utils.set_random_seed(config.seed)
    _check_kinds(dataset, config)
    items = encode_side(dataset, "items", config)
    users = encode_side(dataset, "users", config)
    model = _build(dataset, config, items, users)
    _fit(model.item_tower.projections, items)
    _fit(model.query_tower.projections, users)
    _make_weights(model)
    return Assembly(dataset, config, items, users, model)


def _check_kinds(dataset: Dataset, config: TrainConfig) -> None:
    """Looks kinds and options up before anything is encoded, which may take long."""
    READERS.create(config.query)
    modalities = read_features(dataset, "items", config)
    names = list(modalities)
    if config.pool != "none":
        names = list(dict.fromkeys(m.element or m.kind for m in modalities.values()))
    if config.ids and FUSIONS.variant(config.fusion).takes_id:
        names.append(ID)
    if names:
        FUSIONS.create(config.fusion, names=names)
    elif not config.ids:
        raise ConfigError("features: the items have none to read, and ids is false; give either")
    config.align_options()


def _build(
    dataset: Dataset, config: TrainConfig, items: EncodedSide, users: EncodedSide
) -> TwoTower:
    item_tower = ItemTower(
        items.features(),
        num_items=dataset.count("items") if config.ids else 0,
        dim=config.dim,
        fusion=config.fusion,
        id_dropout=config.id_dropout,
        modality_dropout=config.modality_dropout,
        dropout=config.dropout,
        pool=config.pool,
    )
    readers = [READERS.create(config.query) for _ in range(item_tower.fusion.num_blocks)]
    return TwoTower(
        item_tower,
        QueryTower(users.features(), dim=config.dim, readers=readers, dropout=config.dropout),
        items=FeatureTable(items.encoded, trained=items.trained),
        users=FeatureTable(users.encoded),
        counts=np.bincount(dataset.histories(["train"]).items, minlength=dataset.count("items")),
        temperature=config.temperature,
        align=config.align_options(),
        withheld=dataset.cold_items,
        trained=items.trained,
    )


def _fit(projections: FeatureProjections | None, side: EncodedSide) -> None:
    if projections is not None:
        for info, projection in zip(projections.features, projections.projections, strict=True):
            projection.fit(side.encoded[info.name])


def _make_weights(model: TwoTower) -> None:
    """Calls the model once, so that all weights are there before they are saved or restored."""
    # Two rows, since the softmax of one row over one item is a loss that Keras warns of.
    history = tf.zeros([2, 1], tf.int32)
    rows = tf.zeros([2], tf.int32)
    model.compute_loss({"history": history, "user": rows, "item": rows}, training=False)
    model.built = True
