"""The variants of a model, i.e. its fusion and its history encoder, parsed from a config."""

import dataclasses
from collections.abc import Mapping

from tfmmrec.config.registry import VariantSpec
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.encoders.encoded_features import input_features
from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import FUSIONS, Fusion
from tfmmrec.layers.history import HISTORY_ENCODERS, HistoryEncoder
from tfmmrec.modalities import Modality
from tfmmrec.models.item_tower import ID


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """The variants of a model, with checked options.

    Attributes:
        fusion: of the item tower.
        history_encoder: of the query tower.
    """

    fusion: VariantSpec[Fusion]
    history_encoder: VariantSpec[HistoryEncoder]


def parse_model_spec(
    dataset: Dataset, config: TrainConfig, modalities: Mapping[str, Modality] | None = None
) -> ModelSpec:
    """Parses `fusion` and `query`, and checks them against the data.

    It encodes and builds nothing, since encoding may take long.

    Args:
        dataset: the data folder.
        config: the training file.
        modalities: of the item features that the model reads (default: as the config selects them).

    Raises:
        ConfigError: a kind or an option is unknown, has a bad value, or does not fit the data.
    """
    history_encoder = HISTORY_ENCODERS.parse(config.history_encoder)
    if history_encoder.variant.is_causal and config.history_context != "causal":
        raise ConfigError(
            f"history_context: query.kind {config.query['kind']} needs causal; use that, or mean"
        )
    if history_encoder.options.get("time_intervals"):
        _check_times(dataset, config)
    if modalities is None:
        modalities = input_features(dataset, "items", config)
    names = fused_names(modalities, config)
    if not names and not config.id_embedding:
        raise ConfigError("features: items have no feature, and id_embedding is false; set either")
    # An id embedding alone is not fused, whatever the kind.
    fusion = FUSIONS.parse(config.fusion if names else {"kind": "weighted"}, names=names)
    return ModelSpec(fusion, history_encoder)


def fused_names(modalities: Mapping[str, Modality], config: TrainConfig) -> list[str]:
    """The names of the embeddings that the fusion of a config gets, in order.

    They are the features, or the modalities where features are pooled, and `id` where the kind of
    fusion takes the id embedding.
    """
    names = list(modalities)
    if config.pool != "none":
        names = list(dict.fromkeys(m.value_kind for m in modalities.values()))
    if config.id_embedding and FUSIONS.variant(config.fusion).takes_id:
        names.append(ID)
    return names


def _check_times(dataset: Dataset, config: TrainConfig) -> None:
    if not dataset.schema.has_time:
        raise ConfigError(
            f"query.time_intervals: the interactions of {dataset.folder} have no times; "
            "name their column as interactions.time in the dataset file and pack again, "
            "or leave query.time_intervals out"
        )
    if config.history_context != "causal":
        raise ConfigError("history_context: query.time_intervals needs causal")
