"""Encoders: which one reads a feature."""

import errno
from collections.abc import Mapping

import tensorflow as tf

from tfmmrec.dataset import Dataset, SideName
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.builtin import BUILTIN, builtin_fingerprint, save_builtin
from tfmmrec.encoders.cache import encode_feature
from tfmmrec.encoders.encoded_table import Encoded
from tfmmrec.encoders.frames import FramesEncoder
from tfmmrec.encoders.hub import HubEncoder
from tfmmrec.encoders.reduced import reduce_encoder
from tfmmrec.encoders.tabular import TABULAR
from tfmmrec.encoders.value_store import storage_error
from tfmmrec.errors import ConfigError
from tfmmrec.folders import shared_folder
from tfmmrec.preprocessing.pca import Pca

__all__ = ["Encoded", "FeatureEncoder", "create_encoder", "create_encoders", "encode_feature"]


def create_encoders(
    dataset: Dataset, side: SideName, chosen: Mapping[str, str], *, quiet: bool = False
) -> dict[str, FeatureEncoder]:
    """Builds the encoder of every feature of one side.

    Args:
        dataset: the data folder, whose counts fit the encoders of what tables hold.
        side: `items` or `users`.
        chosen: `builtin` or `hub:HANDLE` by feature, of either side; the default is `builtin`.
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
        for feature in dataset.features(side)
    }


def create_encoder(
    dataset: Dataset, side: SideName, feature: str, choice: str, *, quiet: bool = False
) -> FeatureEncoder:
    """Builds the encoder of one feature, its outputs reduced where the feature asks for it."""
    modality = dataset.features(side)[feature]
    encoder = _chosen_encoder(dataset, side, feature, modality.element or modality.kind, choice)
    if modality.element is not None:
        encoder = FramesEncoder(encoder)
    for step in modality.steps:
        if isinstance(step, Pca):
            encoder = reduce_encoder(dataset, side, feature, encoder, step.dim, quiet=quiet)
    return encoder


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
    folder = dataset.cache / f"builtin.{kind}.{fingerprint[:24]}"
    if not folder.is_dir():
        try:
            with shared_folder(folder) as partial:
                save_builtin(kind, partial)
        except tf.errors.ResourceExhaustedError:
            raise storage_error(folder, OSError(errno.ENOSPC, "No space left on device")) from None
    return HubEncoder(
        kind,
        str(folder),
        fingerprint=fingerprint,
        picture_size=getattr(BUILTIN[kind], "picture_size", None),
    )
