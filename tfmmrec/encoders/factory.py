"""Encoders: which one reads a feature."""

import errno
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.config.encoders import EncoderConfig, read_choice
from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.storage import shared_folder
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.builtin.registry import (
    BUILTIN,
    builtin_fingerprint,
    builtin_is_untrained,
    builtin_variant,
    save_builtin,
)
from tfmmrec.encoders.cache.cached_encode import encode_feature
from tfmmrec.encoders.cache.output_table import Encoded
from tfmmrec.encoders.cache.value_store import storage_error
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.encoders.multi_valued import FramesEncoder
from tfmmrec.encoders.pca import reduce_encoder
from tfmmrec.encoders.tabular import TABULAR
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import Modality
from tfmmrec.modalities.preprocessing.pca import Pca

__all__ = [
    "Encoded",
    "FeatureEncoder",
    "create_encoder",
    "create_encoders",
    "encode_feature",
    "is_untrained",
]


def create_encoders(
    dataset: Dataset,
    side: EntityName,
    chosen: Mapping[str, Any],
    *,
    features: Sequence[str] | None = None,
    trainable: Collection[str] = (),
    quiet: bool = False,
) -> dict[str, FeatureEncoder]:
    """Builds the encoder of every feature of one side.

    Args:
        dataset: the data folder, whose counts fit the encoders of what tables hold.
        side: `items` or `users`.
        chosen: by feature, of either side, what `read_choice` takes; the default is `builtin`.
        features: those that are read (default all of the side).
        trainable: those whose encoders are to be trained.
        quiet: no progress bars where an encoder's components are fitted to the data.

    Raises:
        ConfigError: a feature is unknown or its encoder cannot be used.
    """
    known = {**dataset.schema.items, **dataset.schema.users}
    for feature, declared in chosen.items():
        if feature not in known:
            raise ConfigError(
                f"encoders.{feature}: no such feature; there are {', '.join(known) or 'none'}"
            )
        # Those of the other side too, for its turn comes when this one has been encoded.
        read_choice(feature, declared, _encoded_kind(known[feature]))
    return {
        feature: create_encoder(
            dataset,
            side,
            feature,
            chosen.get(feature, "builtin"),
            trainable=feature in trainable,
            quiet=quiet,
        )
        for feature in (dataset.features(side) if features is None else features)
    }


def create_encoder(
    dataset: Dataset,
    side: EntityName,
    feature: str,
    declared: Any,
    *,
    trainable: bool = False,
    quiet: bool = False,
) -> FeatureEncoder:
    """Builds the encoder of one feature, its outputs reduced where the feature asks for it."""
    modality = dataset.features(side)[feature]
    kind = _encoded_kind(modality)
    choice = read_choice(feature, declared, kind)
    encoder = _chosen_encoder(dataset, side, feature, kind, choice, trainable)
    if choice.pool_values != "mean" and modality.element is None:
        raise ConfigError(f"encoders.{feature}.pool_values: the feature has one value a row")
    if modality.element is not None:
        apart = choice.pool_values == "attention"
        encoder = FramesEncoder(encoder, modality.num_values if apart else None)
    for step in modality.steps:
        if isinstance(step, Pca):
            encoder = reduce_encoder(dataset, side, feature, encoder, step.dim, quiet=quiet)
    return encoder


def _encoded_kind(modality: Modality) -> str:
    return modality.element or modality.kind


def _chosen_encoder(
    dataset: Dataset,
    side: EntityName,
    feature: str,
    kind: str,
    choice: EncoderConfig,
    trainable: bool,
) -> FeatureEncoder:
    if kind not in BUILTIN:
        if trainable:
            raise ConfigError(f"finetune.{feature}: a feature of modality {kind} has no encoder")
        return TABULAR[kind](dataset, side, feature)
    if choice.builtin is None:
        return HubEncoder(
            kind, choice.handle.removeprefix("hub:"), trainable=trainable, **choice.call_options()
        )
    return _builtin_encoder(dataset, feature, kind, choice, trainable)


def _builtin_encoder(
    dataset: Dataset, feature: str, kind: str, choice: EncoderConfig, trainable: bool
) -> FeatureEncoder:
    try:
        variant = builtin_variant(choice.handle, kind)
    except ConfigError as error:
        raise ConfigError(f"encoders.{feature}: {error}") from None
    fingerprint = builtin_fingerprint(kind, variant)
    folder = dataset.cache / f"builtin.{kind}.{fingerprint[:24]}"
    if not folder.is_dir():
        try:
            with shared_folder(folder) as partial:
                save_builtin(kind, partial, variant=variant)
        except tf.errors.ResourceExhaustedError:
            raise storage_error(folder, OSError(errno.ENOSPC, "No space left on device")) from None
    return HubEncoder(
        kind,
        str(folder),
        fingerprint=fingerprint,
        trainable=trainable,
        picture_size=getattr(BUILTIN[kind][variant], "picture_size", None),
    )


def is_untrained(feature: str, modality: Modality, declared: Any) -> bool:
    """Tells whether a choice is a built-in encoder that says little before it has been trained.

    Raises:
        ConfigError: the choice is none.
    """
    kind = _encoded_kind(modality)
    return builtin_is_untrained(read_choice(feature, declared, kind).handle, kind)
