"""The components of a model whose options are searched; each declares its hyperparameters.

A component samples its keys of the training file for one trial. The names of hyperparameters are
keys of the training file. The options of a kind contain the kind, such as `fusion.gated.units`, and
are active in trials of that kind.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

import keras_tuner

from tfmmrec.config.choices import RETRIEVAL_LOSSES
from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.config.optimizer import OptimizerConfig
from tfmmrec.config.tasks import HeadConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.encoders.encoded_features import input_features
from tfmmrec.layers.fusion import FUSIONS
from tfmmrec.layers.history import HISTORY_ENCODERS
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.models.model_spec import fused_names

HyperParameters: TypeAlias = keras_tuner.HyperParameters

# With more items, a softmax over the full catalog is too slow to be searched.
_FEW_ITEMS = 20_000


def _fusion(hp: HyperParameters, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Samples the kind of fusion and the options of that kind."""
    kind = hp.Choice("fusion.kind", list(FUSIONS.variants), default=base.fusion.get("kind"))
    options: dict[str, Any] = {}
    for candidate, variant in FUSIONS.variants.items():
        config = dataclasses.replace(base, fusion={"kind": candidate})
        names = fused_names(input_features(dataset, "items", config), config)
        # All kinds declare their options, so that the space is the same in each trial.
        with hp.conditional_scope("fusion.kind", [candidate]):
            sampled = variant.search_space(hp, names)
        options = sampled if candidate == kind else options
    return {"fusion": _of_kind(base.fusion, kind, options)}


def _query(hp: HyperParameters, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Samples the kind of history encoder and the options of that kind."""
    del dataset
    kinds = [k for k, encoder in HISTORY_ENCODERS.variants.items() if _fits(encoder, base)]
    kind = hp.Choice("query.kind", kinds, default=base.history_encoder["kind"])
    options: dict[str, Any] = {}
    for candidate in kinds:
        with hp.conditional_scope("query.kind", [candidate]):
            sampled = HISTORY_ENCODERS.variants[candidate].search_space(hp)
        options = sampled if candidate == kind else options
    return {"query": _of_kind(base.history_encoder, kind, options)}


def _fits(encoder: Any, base: TrainConfig) -> bool:
    """Whether a history encoder fits `history_context` and serves users without an id embedding."""
    is_base = encoder is HISTORY_ENCODERS.variants[base.history_encoder["kind"]]
    fits = base.history_context == "causal" or not encoder.is_causal
    return is_base or (fits and not encoder.reads_user)


def _of_kind(base: dict[str, Any], kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The sampled options of a kind; the others are those of the base if it has the same kind."""
    others = base if base.get("kind") == kind else {}
    return {**others, "kind": kind, **options}


def _towers(hp: HyperParameters, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    del base, dataset
    return ItemTower.search_space(hp)


def _loss(hp: HyperParameters, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Samples the loss, the initial temperature, and the negatives."""
    negatives = NegativesConfig.search_space(hp, few_items=dataset.count("items") <= _FEW_ITEMS)
    return {
        "loss": hp.Choice("loss", list(RETRIEVAL_LOSSES)),
        "temperature": hp.Float("temperature", 0.03, 0.3, sampling="log", default=0.1),
        "negatives": {**dataclasses.asdict(base.negatives), **negatives},
    }


def _head(hp: HyperParameters, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    del dataset
    return {"head": {**dataclasses.asdict(base.head), **HeadConfig.search_space(hp)}}


def _optimizer(hp: HyperParameters, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Samples the learning rate, the batch size, the EMA decay, and the optimizer's options."""
    del dataset
    return {
        "learning_rate": hp.Float("learning_rate", 3e-4, 1e-2, sampling="log", default=3e-3),
        "batch_size": hp.Choice("batch_size", [512, 1024, 2048], default=1024),
        "ema_decay": hp.Choice("ema_decay", [0.0, 0.9, 0.98, 0.99], default=0.98),
        "optimizer": {**dataclasses.asdict(base.optimizer), **OptimizerConfig.search_space(hp)},
    }


# By the names in `tfmmrec.config.tune_config.COMPONENTS`.
SAMPLERS: dict[str, Callable[[HyperParameters, TrainConfig, Dataset], dict[str, Any]]] = {
    "fusion": _fusion,
    "query": _query,
    "towers": _towers,
    "loss": _loss,
    "head": _head,
    "optimizer": _optimizer,
}
