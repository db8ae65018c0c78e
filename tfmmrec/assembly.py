"""A data folder and a config become encoders, cached outputs and a model."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfmmrec.config import TrainConfig
from tfmmrec.dataset import Dataset, SideName
from tfmmrec.encoders import Encoded, FeatureEncoder, create_encoders, encode_feature
from tfmmrec.fusion import FUSIONS
from tfmmrec.model import FeatureTable, TwoTower
from tfmmrec.projection import FeatureInfo
from tfmmrec.query import READERS
from tfmmrec.scoring import Scorer
from tfmmrec.towers import FeatureProjections, ItemTower, QueryTower


@dataclasses.dataclass(frozen=True)
class EncodedSide:
    """One side's encoders and what they gave.

    Attributes:
        encoders: by feature.
        encoded: by feature.
    """

    encoders: Mapping[str, FeatureEncoder]
    encoded: Mapping[str, Encoded]

    def features(self) -> list[FeatureInfo]:
        """The features, as a tower is built from them."""
        return [
            FeatureInfo.of(name, encoder, self.encoded[name])
            for name, encoder in self.encoders.items()
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
        return self.model.query_tower.reader.max_history

    def scorer(self) -> Scorer:
        """Scores the catalogue with the model as it is."""
        return Scorer(
            self.model, num_items=self.dataset.count("items"), max_history=self.max_history
        )


def encode_side(dataset: Dataset, side: SideName, config: TrainConfig) -> EncodedSide:
    """Encodes all features of one side, or reads their outputs from the cache."""
    encoders = create_encoders(dataset, side, config.encoders, quiet=config.quiet)
    encoded = {
        feature: encode_feature(dataset, side, feature, encoder, quiet=config.quiet)
        for feature, encoder in encoders.items()
    }
    return EncodedSide(encoders, encoded)


def assemble(dataset: Dataset, config: TrainConfig) -> Assembly:
    """Builds a model with fresh weights, its standardisation fitted to the catalogue.

    Raises:
        ConfigError: the config does not fit the data.
    """
    tf.keras.utils.set_random_seed(config.seed)
    # Kinds and options are looked up before anything is encoded, which may take long.
    reader = READERS.create(config.query)
    _check_fusion(config, dataset)
    items = encode_side(dataset, "items", config)
    users = encode_side(dataset, "users", config)
    counts = np.bincount(dataset.histories(["train"]).items, minlength=dataset.count("items"))
    model = TwoTower(
        ItemTower(
            items.features(),
            num_items=dataset.count("items") if config.ids else 0,
            dim=config.dim,
            fusion=config.fusion,
            id_dropout=config.id_dropout,
            modality_dropout=config.modality_dropout,
            dropout=config.dropout,
        ),
        QueryTower(users.features(), dim=config.dim, reader=reader, dropout=config.dropout),
        items=FeatureTable(items.encoded),
        users=FeatureTable(users.encoded),
        counts=counts,
        temperature=config.temperature,
    )
    _fit(model.item_tower.projections, items)
    _fit(model.query_tower.projections, users)
    _make_weights(model, reader.max_history)
    return Assembly(dataset, config, items, users, model)


def _check_fusion(config: TrainConfig, dataset: Dataset) -> None:
    if dataset.schema.items:
        FUSIONS.create(config.fusion, names=list(dataset.schema.items))


def _fit(projections: FeatureProjections | None, side: EncodedSide) -> None:
    if projections is not None:
        for info, projection in zip(projections.features, projections.projections, strict=True):
            projection.fit(side.encoded[info.name])


def _make_weights(model: TwoTower, max_history: int) -> None:
    """Calls the model once, so that all weights are there before they are saved or restored."""
    # Two rows, since the softmax of one row over one item is a loss that Keras warns of.
    history = tf.pad(tf.zeros([2, 1], tf.int32), [[0, 0], [0, max_history - 1]], constant_values=-1)
    rows = tf.zeros([2], tf.int32)
    model.compute_loss({"history": history, "user": rows, "item": rows}, training=False)
    model.built = True
