"""Encoders: which one reads a feature."""

from collections.abc import Mapping
from typing import Any

from tfmmrec.dataset import Dataset, SideName
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.builtin import BUILTIN, builtin_fingerprint, save_builtin
from tfmmrec.encoders.cache import Encoded, encode_feature
from tfmmrec.encoders.choice import EncoderChoice, read_choice
from tfmmrec.encoders.frames import FramesEncoder
from tfmmrec.encoders.hub import HubEncoder
from tfmmrec.encoders.reduced import reduce_encoder
from tfmmrec.encoders.tabular import TABULAR
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import Modality
from tfmmrec.preprocessing.pca import Pca

__all__ = ["Encoded", "FeatureEncoder", "create_encoder", "create_encoders", "encode_feature"]


def create_encoders(
    dataset: Dataset, side: SideName, chosen: Mapping[str, Any], *, quiet: bool = False
) -> dict[str, FeatureEncoder]:
    """Builds the encoder of every feature of one side.

    Args:
        dataset: the data folder, whose counts fit the encoders of what tables hold.
        side: `items` or `users`.
        chosen: by feature, of either side, what `read_choice` takes; the default is `builtin`.
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
        feature: create_encoder(dataset, side, feature, chosen.get(feature, "builtin"), quiet=quiet)
        for feature in dataset.features(side)
    }


def create_encoder(
    dataset: Dataset, side: SideName, feature: str, declared: Any, *, quiet: bool = False
) -> FeatureEncoder:
    """Builds the encoder of one feature, its outputs reduced where the feature asks for it."""
    modality = dataset.features(side)[feature]
    kind = _encoded_kind(modality)
    choice = read_choice(feature, declared, kind)
    encoder = _chosen_encoder(dataset, side, feature, kind, choice)
    if modality.element is not None:
        encoder = FramesEncoder(encoder)
    for step in modality.steps:
        if isinstance(step, Pca):
            encoder = reduce_encoder(dataset, side, feature, encoder, step.dim, quiet=quiet)
    return encoder


def _encoded_kind(modality: Modality) -> str:
    return modality.element or modality.kind


def _chosen_encoder(
    dataset: Dataset, side: SideName, feature: str, kind: str, choice: EncoderChoice
) -> FeatureEncoder:
    if kind not in BUILTIN:
        return TABULAR[kind](dataset, side, feature)
    if choice.builtin is None:
        return HubEncoder(kind, choice.handle.removeprefix("hub:"), **choice.options())
    if choice.builtin:
        raise ConfigError(
            f"encoders.{feature}.handle: there is no built-in {kind} encoder called "
            f"{choice.builtin!r}; write builtin"
        )
    fingerprint = builtin_fingerprint(kind)
    folder = dataset.folder / "cache" / f"builtin.{kind}.{fingerprint[:24]}"
    if not folder.is_dir():
        save_builtin(kind, folder)
    size = getattr(BUILTIN[kind], "picture_size", None)
    return HubEncoder(kind, str(folder), fingerprint=fingerprint, picture_size=size)
