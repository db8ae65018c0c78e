"""One side of a data folder, encoded: what a config makes of its features."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np

from tfmmrec.config.finetuning import FinetuneConfig, finetune_options
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.cached_encode import encode_feature
from tfmmrec.encoders.cache.output_table import Encoded
from tfmmrec.encoders.factory import create_encoders, is_untrained
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.encoders.finetuning import RawFile, TrainedFeature
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import Modality
from tfmmrec.modalities.preprocessing.pca import Pca

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class EncodedEntities:
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

    def features(self, pca_dim: int = 0) -> list[FeatureInfo]:
        """The features, as a tower is built from them.

        Args:
            pca_dim: how many principal components of an encoder's output are read, 0 for all.
                An encoder that is trained is always read whole, for its output turns.
        """
        return [
            FeatureInfo.of(
                name,
                modality,
                self.encoders[name],
                self.encoded[name],
                pca_dim=0 if name in self.trained else pca_dim,
            )
            for name, modality in self.modalities.items()
        ]

    def has_content(self, num_rows: int) -> np.ndarray:
        """Returns which rows have at least one feature, bool `[rows]`."""
        has_content = np.zeros(num_rows, bool)
        for encoded in self.encoded.values():
            has_content |= encoded.present
        return has_content

    def only(self, names: Collection[str]) -> "EncodedEntities":
        """The side with some of its features."""
        return EncodedEntities(
            _only(self.modalities, names),
            _only(self.encoders, names),
            _only(self.encoded, names),
            _only(self.trained, names),
        )

    def permuted(self, seed: int | Sequence[int]) -> "EncodedEntities":
        """The side with the contents of its rows permuted, each row getting those of another.

        The features of a row move together, so that they still agree with one another, but not
        with what users choose: the null against which content has to show its worth.

        Raises:
            ConfigError: an encoder is trained, which would read the row's own values again.
        """
        if self.trained:
            names = ", ".join(self.trained)
            raise ConfigError(
                f"finetune: {names}: an encoder that is trained reads its row's own values, "
                "which cannot be permuted"
            )
        encoded = dict(self.encoded)
        if encoded:
            num_rows = len(next(iter(encoded.values())).present)
            order = np.random.default_rng(seed).permutation(num_rows)
            encoded = {
                name: Encoded(np.asarray(given.outputs)[order], given.present[order])
                for name, given in encoded.items()
            }
        return dataclasses.replace(self, encoded=encoded)

    def lines(self, side: EntityName) -> list[str]:
        """What encoding each feature took, and how its encoder is called, a line for each."""
        return [
            f"{side}.{name}: {_work_done(encoder, self.encoded[name])}: {encoder.summary()}"
            + (f"; {self.trained[name].summary()}" if name in self.trained else "")
            for name, encoder in self.encoders.items()
        ]


def _work_done(encoder: FeatureEncoder, encoded: Encoded) -> str:
    # Reduced outputs were there when their components were fitted.
    work = [step for step in (encoded, getattr(encoder, "fitting", None)) if step is not None]
    fresh = sum(step.num_encoded for step in work)
    present = int(encoded.present.sum())
    return (
        f"{len(encoded.present)} rows, {present} with a value: {present - fresh} found in the "
        f"cache, {fresh} encoded in {sum(step.seconds for step in work):.1f} s, "
        f"dim {' x '.join(map(str, encoded.outputs.shape[1:]))}"
    )


def _only(given: Mapping[str, T], names: Collection[str]) -> dict[str, T]:
    return {name: value for name, value in given.items() if name in names}


def encode_entities(dataset: Dataset, side: EntityName, config: TrainConfig) -> EncodedEntities:
    """Encodes all features of one side, or reads their outputs from the cache."""
    modalities = read_features(dataset, side, config)
    trained = trained_options(side, modalities, config)
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
    return EncodedEntities(modalities, encoders, encoded, features)


def read_features(dataset: Dataset, side: EntityName, config: TrainConfig) -> dict[str, Modality]:
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
    side: EntityName, modalities: Mapping[str, Modality], config: TrainConfig
) -> dict[str, FinetuneConfig]:
    """How the encoders are trained of the features that ask for it, by feature.

    Raises:
        ConfigError: a feature is not read, or its encoder cannot be trained.
    """
    chosen = {name: config.encoders.get(name, "builtin") for name in modalities}
    from_scratch = [n for n, modality in modalities.items() if is_untrained(n, modality, chosen[n])]
    given = finetune_options(config.finetune) if side == "items" else {}
    for name in given:
        if name not in modalities:
            known = ", ".join(modalities) or "none"
            raise ConfigError(
                f"finetune: the model reads no item feature {name!r}; it reads {known}"
            )
    options = {**dict.fromkeys(from_scratch, FinetuneConfig()), **given}
    for name in options:
        reason = "of user features" if side == "users" else _why_frozen(modalities[name])
        if reason:
            key, other = (
                (f"finetune.{name}", "")
                if name in given
                else (f"encoders.{name}", "; take one that is trained already")
            )
            raise ConfigError(f"{key}: encoders {reason} cannot be trained{other}")
    return {name: own.with_rate(name in from_scratch) for name, own in options.items()}


def _why_frozen(modality: Modality) -> str:
    if modality.element is not None:
        return "of several values"
    if any(isinstance(step, Pca) for step in modality.steps):
        return "with pca behind them"
    return ""
