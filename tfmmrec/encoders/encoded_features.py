"""The encoded features of one entity (items or users), as a training config selects them."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from tfmmrec.config.finetuning import FinetuneConfig, finetune_options
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.cache.cached_encode import encode_feature, read_cached
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.factory import create_encoders, is_untrained
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.encoders.finetuning import MediaStore, TrainableFeature
from tfmmrec.encoders.lazy_mapping import LazyMapping
from tfmmrec.encoders.saved_encoders import SavedEncoders
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.modalities import Modality
from tfmmrec.modalities.preprocessing.pca import Pca

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class EncodedEntities:
    """All items or all users of a data folder: their features, encoders and encodings.

    Attributes:
        modalities: modality by feature, for the features that the model reads.
        encoders: encoder by feature.
        encodings: encodings by feature.
        trainable_features: the features whose encoders are trained with the towers.
        saved: what a run has stored of the encoders, if it is from a run. Encoders are then
            created, and encodings read, when they are first used.
    """

    modalities: Mapping[str, Modality]
    encoders: Mapping[str, FeatureEncoder]
    encodings: Mapping[str, Encodings]
    trainable_features: Mapping[str, TrainableFeature] = dataclasses.field(default_factory=dict)
    saved: SavedEncoders | None = None

    def features(self) -> list[FeatureInfo]:
        """Returns the sizes from which a tower is built."""
        if self.saved is not None:
            return list(self.saved.features)
        return [
            FeatureInfo.of(name, modality, self.encoders[name], self.encodings[name])
            for name, modality in self.modalities.items()
        ]

    def describe(self) -> dict[str, Mapping[str, Any]]:
        """Returns the description of each encoder, without creating those of a run."""
        if self.saved is not None:
            return dict(self.saved.descriptions)
        return {name: encoder.describe() for name, encoder in self.encoders.items()}

    def fitted(self) -> dict[str, Any]:
        """Returns what each encoder was fitted to, without creating those of a run."""
        if self.saved is not None:
            return dict(self.saved.fitted)
        return {name: encoder.fitted() for name, encoder in self.encoders.items()}

    def has_content(self, num_rows: int) -> np.ndarray:
        """Returns whether each row has at least one feature, bool `[rows]`."""
        has_content = np.zeros(num_rows, bool)
        for encodings in self.encodings.values():
            has_content |= encodings.present
        return has_content

    def only(self, names: Collection[str]) -> "EncodedEntities":
        """Returns a copy with a subset of the features."""
        return EncodedEntities(
            _only(self.modalities, names),
            _only(self.encoders, names),
            _only(self.encodings, names),
            _only(self.trainable_features, names),
        )

    def permuted(self, seed: int | Sequence[int]) -> "EncodedEntities":
        """Returns a copy whose rows have exchanged their content at random.

        All features of a row move together: they still agree with one another, but not with the
        interactions. This is the null model against which content has to show its value.

        Raises:
            ConfigError: an encoder is trainable; it would read the row's own raw values again.
        """
        if self.trainable_features:
            names = ", ".join(self.trainable_features)
            raise ConfigError(
                f"finetune: {names}: a trainable encoder reads the raw values of its row, which "
                "cannot be permuted"
            )
        encodings = dict(self.encodings)
        if encodings:
            num_rows = len(next(iter(encodings.values())).present)
            order = np.random.default_rng(seed).permutation(num_rows)
            encodings = {
                name: Encodings(np.asarray(one.values)[order], one.present[order])
                for name, one in encodings.items()
            }
        return dataclasses.replace(self, encodings=encodings)

    def progress_lines(self, entity: EntityName) -> list[str]:
        """Returns a short line per feature: how many rows have a value, and where they are from."""
        lines = []
        for name, encoder in self.encoders.items():
            own = _Work(encoder, self.encodings[name])
            source = f", encoded in {own.seconds:.1f} s" if own.num_encoded else ", from the cache"
            source = source if own.num_present else ""
            lines.append(f"{entity}.{name}: {own.num_present} of {own.num_rows} rows{source}")
        return lines

    def summary_lines(self, entity: EntityName) -> list[str]:
        """Returns a line per feature: the work of encoding it, and how its encoder is called."""
        return [
            f"{entity}.{name}: {_Work(encoder, self.encodings[name])}: {encoder.summary()}"
            + (
                f"; {self.trainable_features[name].summary()}"
                if name in self.trainable_features
                else ""
            )
            for name, encoder in self.encoders.items()
        ]


class _Work:
    """The work of encoding a feature, as a text."""

    def __init__(self, encoder: FeatureEncoder, encodings: Encodings):
        # A PCA is fitted on the encodings of its base encoder, which are counted as well.
        fitted_on = getattr(encoder, "fitted_on", None)
        steps = [encodings] if fitted_on is None else [encodings, fitted_on]
        self.num_rows = len(encodings.present)
        self.num_present = int(encodings.present.sum())
        self.num_encoded = sum(step.num_encoded for step in steps)
        self.seconds = sum(step.seconds for step in steps)
        self.shape = encodings.values.shape[1:]

    def __str__(self) -> str:
        work = "all read from the cache"
        if self.num_encoded:
            work = f"{self.num_encoded} values encoded in {self.seconds:.1f} s"
            if self.num_encoded < self.num_present:
                work += ", the others are repeated or from the cache"
        dim = " x ".join(map(str, self.shape))
        return f"{self.num_rows} rows, {self.num_present} with a value: {work}, dim {dim}"


def _only(by_feature: Mapping[str, T], names: Collection[str]) -> dict[str, T]:
    # The values of a lazy mapping are created when they are read.
    return {name: by_feature[name] for name in by_feature if name in names}


def encode_entities(dataset: Dataset, entity: EntityName, config: TrainConfig) -> EncodedEntities:
    """Encodes all features of an entity that the model reads, or reads them from the cache."""
    modalities = input_features(dataset, entity, config)
    options = trainable_options(entity, modalities, config)
    encoders = create_encoders(
        dataset,
        entity,
        config.encoders,
        features=list(modalities),
        trainable=options,
        pca_dim=config.pca_dim,
        quiet=config.quiet,
    )
    encodings = {
        feature: encode_feature(dataset, entity, feature, encoder, quiet=config.quiet)
        for feature, encoder in encoders.items()
    }
    trainable_features = _trainable_features(dataset, entity, encoders, options)
    return EncodedEntities(modalities, encoders, encodings, trainable_features)


def open_entities(
    dataset: Dataset, entity: EntityName, config: TrainConfig, saved: SavedEncoders
) -> EncodedEntities:
    """Opens the features of an entity as a run reads them; nothing is fitted to the data folder.

    An encoder is created when it is first used, since that may take seconds, and encodings are
    read when they are first used. The cache has them without their encoder, unless it was removed.

    Raises:
        DataError: the data folder lacks a feature of the run.
    """
    declared = dataset.features(entity)
    for name in saved.descriptions:
        if name not in declared:
            raise DataError(
                f"{dataset.folder}: {entity} have no feature {name!r}, which the model of "
                f"{saved.run} reads"
            )
    modalities = {name: declared[name] for name in saved.descriptions}
    options = trainable_options(entity, modalities, config)

    def create(name: str) -> FeatureEncoder:
        declaration = config.encoders.get(name, "builtin")
        return saved.create(dataset, name, declaration, trainable=name in options)

    encoders = LazyMapping(modalities, create)

    def encode(name: str) -> Encodings:
        found = read_cached(dataset, entity, name, saved.fingerprint(name))
        if found is None:
            found = encode_feature(dataset, entity, name, encoders[name], quiet=config.quiet)
        return found

    return EncodedEntities(
        modalities,
        encoders,
        LazyMapping(modalities, encode),
        _trainable_features(dataset, entity, encoders, options),
        saved,
    )


def _trainable_features(
    dataset: Dataset,
    entity: EntityName,
    encoders: Mapping[str, FeatureEncoder],
    options: Mapping[str, FinetuneConfig],
) -> dict[str, TrainableFeature]:
    return {
        name: TrainableFeature(name, encoders[name], MediaStore(dataset, entity, name), own)
        for name, own in options.items()
    }


def input_features(
    dataset: Dataset, entity: EntityName, config: TrainConfig
) -> dict[str, Modality]:
    """Returns the features of an entity that the model reads, in the order of the schema."""
    declared = dict(dataset.features(entity))
    if entity == "users" or config.features is None:
        return declared
    for name in config.features:
        if name not in declared:
            raise ConfigError(
                f"features: no item feature {name!r}; the data folder has "
                f"{', '.join(declared) or 'none'}"
            )
    return {name: modality for name, modality in declared.items() if name in config.features}


def trainable_options(
    entity: EntityName, modalities: Mapping[str, Modality], config: TrainConfig
) -> dict[str, FinetuneConfig]:
    """Returns the fine-tuning options of the features whose encoders are trained.

    These are the features of `finetune`, and those whose built-in encoder starts untrained.

    Raises:
        ConfigError: the model does not read a feature, or its encoder cannot be trained.
    """
    handles = {name: config.encoders.get(name, "builtin") for name in modalities}
    untrained = [n for n, modality in modalities.items() if is_untrained(n, modality, handles[n])]
    requested = finetune_options(config.finetune) if entity == "items" else {}
    for name in requested:
        if name not in modalities:
            declared = ", ".join(modalities) or "none"
            raise ConfigError(
                f"finetune: the model reads no item feature {name!r}; it reads {declared}"
            )
    options = {**dict.fromkeys(untrained, FinetuneConfig()), **requested}
    for name in options:
        reason = "of user features" if entity == "users" else _why_frozen(modalities[name])
        if reason:
            key, advice = (
                (f"finetune.{name}", "")
                if name in requested
                else (f"encoders.{name}", "; use a pretrained one")
            )
            raise ConfigError(f"{key}: encoders {reason} cannot be trained{advice}")
    return {name: own.with_rate(name in untrained) for name, own in options.items()}


def _why_frozen(modality: Modality) -> str:
    if modality.element is not None:
        return "of multi-valued features"
    if any(isinstance(step, Pca) for step in modality.steps):
        return "followed by a pca step"
    return ""
