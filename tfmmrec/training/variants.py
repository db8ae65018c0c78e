"""Variants of a config, and their training on one data folder that is encoded once."""

import dataclasses
import functools
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from tfmmrec.config.contrastive import ContrastiveConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.schema import features_by_modality
from tfmmrec.encoders.encoded_features import EncodedEntities, encode_entities, input_features
from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import FUSIONS
from tfmmrec.models.bundle import ModelBundle, build_bundle, build_bundle_from
from tfmmrec.training.train import fit_whole


def fusion_variants(dataset: Dataset, config: TrainConfig) -> dict[str, TrainConfig]:
    """What fusion has to be compared with, by name.

    Every kind of fusion with its default options, `late` once a decision; `weighted` with one
    vector a modality; each modality by itself (`only-text`), beside the id where the config has
    ids; `only-ids`; and `only-content`, without ids. The `weighted` variant is all of the last
    ones joined.
    """
    variants = {
        kind: _with(config, fusion={"kind": kind}) for kind in FUSIONS.variants if kind != "late"
    }
    for decision in ("weighted", "voting"):
        fusion = {"kind": "late", "decision": decision}
        variants[f"late-{decision}"] = _with(config, fusion=fusion)
    alone = _with(config, fusion={"kind": "weighted"})
    variants["weighted-pooled"] = _with(alone, pool="mean")
    for modality, features in features_by_modality(
        input_features(dataset, "items", config)
    ).items():
        variants[f"only-{modality}"] = narrowed(alone, features)
    variants["only-ids"] = _with(narrowed(alone, []), id_embedding=True)
    variants["only-content"] = _with(alone, id_embedding=False)
    return variants


def chosen_names(given: str | None, known: Iterable[str]) -> list[str]:
    """Reads NAME,NAME; all that are known where nothing is given.

    Raises:
        ConfigError: a name is not known.
    """
    known = list(known)
    names = known if given is None else given.split(",")
    for name in names:
        if name not in known:
            raise ConfigError(f"variants: no variant {name!r}; there are {', '.join(known)}")
    return names


def narrowed(config: TrainConfig, features: Iterable[str]) -> TrainConfig:
    """The config with some item features only."""
    features = list(features)
    finetune: Any = [name for name in config.finetune if name in features]
    if isinstance(config.finetune, dict):
        finetune = {name: config.finetune[name] for name in finetune}
    # Without content there is none to align.
    contrastive = config.contrastive if features else ContrastiveConfig()
    return _with(config, features=features, finetune=finetune, contrastive=contrastive)


def _with(config: TrainConfig, **changes: Any) -> TrainConfig:
    return dataclasses.replace(config, **changes)


class VariantTrainer:
    """Trains configs that differ in what they read and how they fuse it, not in their encoders.

    Frozen encoders are loaded and their outputs read once; where an encoder is trained, each
    training begins with its first weights.

    Args:
        dataset: the data folder.
        config: names all features that a variant may read.
        permute: the seed by which items get each other's contents, in another way for each seed of
            a config; None leaves them theirs.

    Raises:
        ConfigError: in training, where contents are to be permuted and an encoder is trained.
    """

    def __init__(self, dataset: Dataset, config: TrainConfig, *, permute: int | None = None):
        self.dataset = dataset
        self.config = config
        self.permute = permute

    def train(self, config: TrainConfig) -> tuple[ModelBundle, dict[str, Any]]:
        """Trains a model in memory; returns it with its best weights, and what `fit` says."""
        bundle = self.build_bundle(dataclasses.replace(config, refit=False))
        return fit_whole(bundle, config, self.build_bundle)

    def build_bundle(self, config: TrainConfig) -> ModelBundle:
        """Builds a model with fresh weights in memory."""
        # Graphs of the models before pile up otherwise.
        tf.keras.backend.clear_session()
        items, users = self._sides
        if items.trainable_features and self.permute is None:
            return build_bundle(self.dataset, config)
        items = items.only(input_features(self.dataset, "items", config))
        if self.permute is not None:
            items = items.permuted([self.permute, config.seed])
        return build_bundle_from(self.dataset, config, items, users)

    @functools.cached_property
    def _sides(self) -> tuple[EncodedEntities, EncodedEntities]:
        return (
            encode_entities(self.dataset, "items", self.config),
            encode_entities(self.dataset, "users", self.config),
        )
