"""Creates the encoder of each feature from its declaration in the training file."""

import errno
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfmmrec.config.encoders import EncoderConfig, read_choice
from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.whole_folder import whole_folder
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.builtin.registry import (
    BUILTIN,
    builtin_fingerprint,
    builtin_is_untrained,
    builtin_variant,
    save_builtin,
)
from tfmmrec.encoders.cache.value_store import storage_error
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.encoders.multi_valued import MultiValuedEncoder
from tfmmrec.encoders.pca import fit_pca_encoder, restore_pca_encoder
from tfmmrec.encoders.tabular import TABULAR
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import Modality
from tfmmrec.modalities.preprocessing.pca import Pca

# Components that few rows determine are noise, which the standardization would amplify.
_ROWS_PER_COMPONENT = 10
# So few components would leave out too much; a small catalog is cheap with whole encodings.
_FEWEST_COMPONENTS = 64


def create_encoders(
    dataset: Dataset,
    entity: EntityName,
    declarations: Mapping[str, Any],
    *,
    features: Sequence[str] | None = None,
    trainable: Collection[str] = (),
    pca_dim: int = 0,
    quiet: bool = False,
) -> dict[str, FeatureEncoder]:
    """Creates the encoder of every feature of an entity.

    Args:
        dataset: the data folder, to whose statistics the encoders of tabular features are fitted.
        entity: `items` or `users`.
        declarations: by feature of items or users, as `read_choice` takes them (default for each:
            `builtin`).
        features: the features to encode (default: all of the entity).
        trainable: the features whose encoders are fine-tuned.
        pca_dim: see `create_encoder`.
        quiet: whether to show no progress bar while a PCA is fitted.

    Raises:
        ConfigError: a feature does not exist, or its encoder cannot be used.
    """
    declared = {**dataset.schema.items, **dataset.schema.users}
    for feature, declaration in declarations.items():
        if feature not in declared:
            raise ConfigError(
                f"encoders.{feature}: no such feature; the data folder has "
                f"{', '.join(declared) or 'none'}"
            )
        # Also those of the other entity: an error is reported before hours of encoding.
        read_choice(feature, declaration, declared[feature].encoder_family)
    return {
        feature: create_encoder(
            dataset,
            entity,
            feature,
            declarations.get(feature, "builtin"),
            trainable=feature in trainable,
            pca_dim=pca_dim,
            quiet=quiet,
        )
        for feature in (dataset.features(entity) if features is None else features)
    }


def create_encoder(
    dataset: Dataset,
    entity: EntityName,
    feature: str,
    declaration: Any,
    *,
    trainable: bool = False,
    fitted: Mapping[str, Any] | None = None,
    pca_dim: int = 0,
    quiet: bool = False,
) -> FeatureEncoder:
    """Creates the encoder of one feature, followed by a PCA if its encodings are reduced.

    They are reduced to the components of the feature's `pca` step, if it has one; otherwise to
    `pca_dim` if they are wider, the encoder is frozen, and enough rows have the feature.

    Args:
        dataset: the data folder.
        entity: `items` or `users`.
        feature: the feature.
        declaration: of the encoder, as `read_choice` takes it.
        trainable: whether the encoder is fine-tuned.
        fitted: the `fitted()` of an encoder of a run, which is created again (default: the encoder
            is fitted to the data folder).
        pca_dim: the maximum number of components, and at most one per 10 rows with the feature.
            If these allow neither so many nor 64, nothing is reduced; nor with 0 (default 0).
        quiet: whether to show no progress bar while a PCA is fitted.

    Raises:
        ConfigError: the encoder cannot be used.
    """
    fitted_pca = None if fitted is None else fitted.get("pca")
    encoder = create_unreduced_encoder(
        dataset,
        entity,
        feature,
        declaration,
        trainable=trainable,
        fitted=fitted if fitted is None or fitted_pca is None else fitted["base"],
    )
    if fitted is not None:
        return encoder if fitted_pca is None else restore_pca_encoder(encoder, fitted_pca)
    dim = reduced_dim(dataset, entity, feature, encoder, pca_dim=0 if trainable else pca_dim)
    if not dim:
        return encoder
    return fit_pca_encoder(dataset, entity, feature, encoder, dim, quiet=quiet)


def reduced_dim(
    dataset: Dataset, entity: EntityName, feature: str, encoder: FeatureEncoder, *, pca_dim: int
) -> int:
    """Returns the number of components that encodings are reduced to; 0 if they are kept whole.

    Args:
        dataset: the data folder.
        entity: `items` or `users`.
        feature: the feature.
        encoder: its encoder, without a PCA.
        pca_dim: see `create_encoder`.
    """
    for step in dataset.features(entity)[feature].steps:
        if isinstance(step, Pca):
            return step.dim
    # Encodings of categories and numbers have no `dim`.
    width = getattr(encoder, "dim", 0)
    if not pca_dim or width <= pca_dim:
        return 0
    most = dataset.statistics[entity]["features"][feature]["present"] // _ROWS_PER_COMPONENT
    return min(pca_dim, most) if most >= min(pca_dim, _FEWEST_COMPONENTS) else 0


def create_unreduced_encoder(
    dataset: Dataset,
    entity: EntityName,
    feature: str,
    declaration: Any,
    *,
    trainable: bool = False,
    fitted: Mapping[str, Any] | None = None,
) -> FeatureEncoder:
    """Creates the encoder of one feature without a PCA, which reads no values of the feature.

    Arguments and errors are those of `create_encoder`.
    """
    modality = dataset.features(entity)[feature]
    kind = modality.encoder_family
    choice = read_choice(feature, declaration, kind)
    encoder = _create_single(dataset, entity, feature, kind, choice, trainable, fitted)
    if choice.pool_values != "mean" and modality.element is None:
        raise ConfigError(f"encoders.{feature}.pool_values: the feature has one value per row")
    if modality.element is None:
        return encoder
    pool_in_tower = choice.pool_values == "attention"
    return MultiValuedEncoder(encoder, modality.num_values if pool_in_tower else None)


def _create_single(
    dataset: Dataset,
    entity: EntityName,
    feature: str,
    kind: str,
    choice: EncoderConfig,
    trainable: bool,
    fitted: Mapping[str, Any] | None,
) -> FeatureEncoder:
    """Creates the encoder of a single value of a feature."""
    if kind not in BUILTIN:
        if trainable:
            raise ConfigError(f"finetune.{feature}: a feature of modality {kind} has no encoder")
        if kind not in TABULAR:
            raise ConfigError(f"features.{feature}: modality {kind} declares no known encoder")
        tabular = TABULAR[kind]
        if fitted is None:
            fitted = tabular.fit(dataset, entity, feature)
        return tabular.create(**fitted)
    if choice.builtin is None:
        return HubEncoder(
            kind, choice.handle.removeprefix("hub:"), trainable=trainable, **choice.call_options()
        )
    return _create_builtin(dataset, feature, kind, choice, trainable)


def _create_builtin(
    dataset: Dataset, feature: str, kind: str, choice: EncoderConfig, trainable: bool
) -> FeatureEncoder:
    try:
        variant = builtin_variant(choice.handle, kind)
    except ConfigError as error:
        raise ConfigError(f"encoders.{feature}: {error}") from None
    fingerprint = builtin_fingerprint(kind, variant)
    folder = dataset.cache / f"builtin.{kind}.{fingerprint[:24]}"
    try:
        whole_folder(folder, lambda partial: save_builtin(kind, partial, variant=variant))
    except tf.errors.ResourceExhaustedError:
        raise storage_error(folder, OSError(errno.ENOSPC, "No space left on device")) from None
    return HubEncoder(
        kind,
        str(folder),
        fingerprint=fingerprint,
        trainable=trainable,
        picture_size=getattr(BUILTIN[kind][variant], "picture_size", None),
    )


def is_untrained(feature: str, modality: Modality, declaration: Any) -> bool:
    """Returns whether a declaration names a built-in encoder that starts with random weights.

    Raises:
        ConfigError: the declaration is invalid.
    """
    kind = modality.encoder_family
    return builtin_is_untrained(read_choice(feature, declaration, kind).handle, kind)
