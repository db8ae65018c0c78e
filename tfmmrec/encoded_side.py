"""One side of a data folder, encoded: what a config makes of its features."""

import dataclasses
from collections.abc import Mapping

from tfmmrec.config import TrainConfig
from tfmmrec.dataset import Dataset, SideName
from tfmmrec.encoders import Encoded, FeatureEncoder, create_encoders, encode_feature, is_untrained
from tfmmrec.errors import ConfigError
from tfmmrec.finetuning import FinetuneOptions, RawFile, TrainedFeature, finetune_options
from tfmmrec.modalities import Modality
from tfmmrec.preprocessing.pca import Pca
from tfmmrec.projection import FeatureInfo


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
            + (f"; {self.trained[name].summary()}" if name in self.trained else "")
            for name, encoded in self.encoded.items()
        ]


def encode_side(dataset: Dataset, side: SideName, config: TrainConfig) -> EncodedSide:
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
    side: SideName, modalities: Mapping[str, Modality], config: TrainConfig
) -> dict[str, FinetuneOptions]:
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
    options = {**dict.fromkeys(from_scratch, FinetuneOptions()), **given}
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
