"""Encoders: which one reads a feature."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfmmrec.dataset import Dataset, SideName
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.builtin import BUILTIN, builtin_fingerprint, save_builtin
from tfmmrec.encoders.cache import Encoded, encode_feature
from tfmmrec.encoders.frames import FramesEncoder
from tfmmrec.encoders.hub import HubEncoder
from tfmmrec.encoders.reduced import reduce_encoder
from tfmmrec.encoders.tabular import TABULAR
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import Modality
from tfmmrec.pooling import POOLINGS
from tfmmrec.preprocessing.pca import Pca

__all__ = ["Encoded", "FeatureEncoder", "create_encoder", "create_encoders", "encode_feature"]

Choice = str | Mapping[str, Any]


def create_encoders(
    dataset: Dataset,
    side: SideName,
    chosen: Mapping[str, Choice],
    *,
    features: Sequence[str] | None = None,
    quiet: bool = False,
) -> dict[str, FeatureEncoder]:
    """Builds the encoder of every feature of one side.

    Args:
        dataset: the data folder, whose counts fit the encoders of what tables hold.
        side: `items` or `users`.
        chosen: `builtin` or `hub:HANDLE` by feature, of either side; the default is `builtin`. Of
            several values, `{handle: …, pool_values: mean | attention}` says how they become one
            vector (default mean).
        features: those that are read (default all of the side).
        quiet: no progress bars where an encoder's components are fitted to the data.

    Raises:
        ConfigError: a feature is unknown or its encoder cannot be used.
    """
    known = {**dataset.schema.items, **dataset.schema.users}
    for feature in chosen:
        if feature not in known:
            raise ConfigError(
                f"encoders.{feature}: no such feature; there are {', '.join(known) or 'none'}"
            )
    return {
        feature: create_encoder(dataset, side, feature, chosen.get(feature, "builtin"), quiet=quiet)
        for feature in (dataset.features(side) if features is None else features)
    }


def create_encoder(
    dataset: Dataset, side: SideName, feature: str, choice: Choice, *, quiet: bool = False
) -> FeatureEncoder:
    """Builds the encoder of one feature, its outputs reduced where the feature asks for it."""
    modality = dataset.features(side)[feature]
    choice, num_values = _pooling(feature, modality, choice)
    encoder = _chosen_encoder(dataset, side, feature, modality.element or modality.kind, choice)
    if modality.element is not None:
        encoder = FramesEncoder(encoder, num_values)
    for step in modality.steps:
        if isinstance(step, Pca):
            encoder = reduce_encoder(dataset, side, feature, encoder, step.dim, quiet=quiet)
    return encoder


def _pooling(feature: str, modality: Modality, choice: Choice) -> tuple[str, int | None]:
    """Takes `pool_values` out of a choice; a number says how many values the tower pools."""
    if isinstance(choice, str):
        return choice, None
    pool = choice.get("pool_values", "mean")
    if pool not in POOLINGS:
        raise ConfigError(
            f"encoders.{feature}.pool_values: write {' or '.join(POOLINGS)}. Received: {pool!r}"
        )
    if "pool_values" in choice and modality.element is None:
        raise ConfigError(f"encoders.{feature}.pool_values: the feature has one value a row")
    return choice.get("handle", "builtin"), modality.num_values if pool == "attention" else None


def _chosen_encoder(
    dataset: Dataset, side: SideName, feature: str, kind: str, choice: str
) -> FeatureEncoder:
    if choice != "builtin" and not choice.startswith("hub:"):
        raise ConfigError(f"encoders.{feature}: write builtin or hub:HANDLE. Received: {choice!r}")
    if kind not in BUILTIN:
        if choice != "builtin":
            raise ConfigError(f"encoders.{feature}: a feature of modality {kind} takes builtin")
        return TABULAR[kind](dataset, side, feature)
    if choice != "builtin":
        return HubEncoder(kind, choice.removeprefix("hub:"))
    fingerprint = builtin_fingerprint(kind)
    folder = dataset.folder / "cache" / f"builtin.{kind}.{fingerprint[:24]}"
    if not folder.is_dir():
        save_builtin(kind, folder)
    return HubEncoder(
        kind,
        str(folder),
        fingerprint=fingerprint,
        picture_size=getattr(BUILTIN[kind], "picture_size", None),
    )
