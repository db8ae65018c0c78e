"""Variants of a config, trained on one data folder whose encodings are computed once."""

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
from tfmmrec.training.fit_config import fit_config
from tfmmrec.training.own_validation import with_validation


def fusion_variants(dataset: Dataset, config: TrainConfig) -> dict[str, TrainConfig]:
    """The variants of a comparison of fusions, by name.

    Each kind of fusion with its default options, `late` once per decision; `weighted` with one
    embedding per modality (`weighted-pooled`); each modality alone (`only-text`), with the id
    embedding if the config has one; `only-ids`; and `only-content`, without ids.
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
        variants[f"only-{modality}"] = with_features(alone, features)
    variants["only-ids"] = _with(with_features(alone, []), id_embedding=True)
    variants["only-content"] = _with(alone, id_embedding=False)
    return variants


def select_names(given: str | None, known: Iterable[str]) -> list[str]:
    """Splits NAME,NAME; without a selection, returns all known names.

    Raises:
        ConfigError: a name is unknown.
    """
    known = list(known)
    names = known if given is None else given.split(",")
    for name in names:
        if name not in known:
            raise ConfigError(f"variants: unknown {name!r}; there are {', '.join(known)}")
    return names


def with_features(config: TrainConfig, features: Iterable[str]) -> TrainConfig:
    """The config with some of the item features only."""
    features = list(features)
    finetune: Any = [name for name in config.finetune if name in features]
    if isinstance(config.finetune, dict):
        finetune = {name: config.finetune[name] for name in finetune}
    # Contrastive losses need content.
    contrastive = config.contrastive if features else ContrastiveConfig()
    return _with(config, features=features, finetune=finetune, contrastive=contrastive)


def _with(config: TrainConfig, **changes: Any) -> TrainConfig:
    return dataclasses.replace(config, **changes)


class VariantTrainer:
    """Trains configs that differ in features and in fusion, but not in their encoders.

    Frozen encoders are loaded, and their outputs read, once. A fine-tuned encoder starts from its
    first weights in each training.

    Args:
        dataset: the data folder.
        config: has all features that a variant may use.
        permute: the seed of a permutation of the items' content, as a null model; the seed of a
            config changes it too. None leaves the content as it is.

    Raises:
        ConfigError: in `train`, if content is permuted and an encoder is fine-tuned.
    """

    def __init__(self, dataset: Dataset, config: TrainConfig, *, permute: int | None = None):
        self.dataset = with_validation(dataset, config, quiet=config.quiet)
        self.config = config
        self.permute = permute

    def train(self, config: TrainConfig) -> tuple[ModelBundle, dict[str, Any]]:
        """Trains a model in memory; returns it with its best weights, and its metrics."""
        bundle = self.build_bundle(dataclasses.replace(config, refit=False))
        return fit_config(bundle, config, self.build_bundle)

    def build_bundle(self, config: TrainConfig) -> ModelBundle:
        """Builds a model with new weights in memory."""
        # The graphs of earlier models would accumulate otherwise.
        tf.keras.backend.clear_session()
        items, users = self._entities
        dataset = self.dataset.whole if config.refit else self.dataset
        if items.trainable_features and self.permute is None:
            return build_bundle(dataset, config)
        items = items.only(input_features(self.dataset, "items", config))
        if self.permute is not None:
            items = items.permuted([self.permute, config.seed])
        return build_bundle_from(dataset, config, items, users)

    @functools.cached_property
    def _entities(self) -> tuple[EncodedEntities, EncodedEntities]:
        return (
            encode_entities(self.dataset, "items", self.config),
            encode_entities(self.dataset, "users", self.config),
        )
