"""What there is to search: the parts of a model, each of which declares its own options.

A part draws what it adds to a training file for one trial. Names of hyperparameters are keys of the
training file; options of a kind have the kind in theirs, `fusion.gated.units`, and are active where
that kind is drawn.
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
from tfmmrec.layers.fusion import FUSIONS
from tfmmrec.layers.history import HISTORY_ENCODERS
from tfmmrec.models.item_tower import ItemTower
from tfmmrec.models.model_spec import fused_names

Draws: TypeAlias = keras_tuner.HyperParameters

# Above so many items, a softmax over all of them is no bargain.
_FEW_ITEMS = 20_000


def _fusion(hp: Draws, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Draws the kind of fusion, then what that kind declares."""
    kind = hp.Choice("fusion.kind", list(FUSIONS.variants), default=base.fusion.get("kind"))
    options: dict[str, Any] = {}
    for candidate, variant in FUSIONS.variants.items():
        names = fused_names(dataset, dataclasses.replace(base, fusion={"kind": candidate}))
        # All kinds declare their options, so that the space does not depend on the draw.
        with hp.conditional_scope("fusion.kind", [candidate]):
            drawn = variant.search_space(hp, names)
        options = drawn if candidate == kind else options
    return {"fusion": _of_kind(base.fusion, kind, options)}


def _query(hp: Draws, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Draws how users are read, then what that reader declares."""
    del dataset
    kinds = [k for k, reader in HISTORY_ENCODERS.variants.items() if _reads(reader, base)]
    kind = hp.Choice("query.kind", kinds, default=base.history_encoder["kind"])
    options: dict[str, Any] = {}
    for candidate in kinds:
        with hp.conditional_scope("query.kind", [candidate]):
            drawn = HISTORY_ENCODERS.variants[candidate].search_space(hp)
        options = drawn if candidate == kind else options
    return {"query": _of_kind(base.history_encoder, kind, options)}


def _reads(reader: Any, base: TrainConfig) -> bool:
    """Whether a reader goes with what training reads, and places users that it has not met."""
    in_place = HISTORY_ENCODERS.variants[base.history_encoder["kind"]]
    known = base.history_context == "causal" or not reader.is_causal
    return reader is in_place or (known and not reader.reads_user)


def _of_kind(base: dict[str, Any], kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a kind: those that are drawn, and of its own those that are not."""
    kept = base if base.get("kind") == kind else {}
    return {**kept, "kind": kind, **options}


def _towers(hp: Draws, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    del base, dataset
    return ItemTower.search_space(hp)


def _loss(hp: Draws, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Draws the loss, the temperature that scores start with, and the negatives."""
    negatives = NegativesConfig.search_space(hp, few_items=dataset.count("items") <= _FEW_ITEMS)
    return {
        "loss": hp.Choice("loss", list(RETRIEVAL_LOSSES)),
        "temperature": hp.Float("temperature", 0.03, 0.3, sampling="log", default=0.1),
        "negatives": {**dataclasses.asdict(base.negatives), **negatives},
    }


def _head(hp: Draws, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    del dataset
    return {"head": {**dataclasses.asdict(base.head), **HeadConfig.search_space(hp)}}


def _optimizer(hp: Draws, base: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Draws the steps: how large, over how many events, and what of them is kept."""
    del dataset
    return {
        "learning_rate": hp.Float("learning_rate", 3e-4, 1e-2, sampling="log", default=3e-3),
        "batch_size": hp.Choice("batch_size", [512, 1024, 2048], default=1024),
        "ema_decay": hp.Choice("ema_decay", [0.0, 0.9, 0.98, 0.99], default=0.98),
        "optimizer": {**dataclasses.asdict(base.optimizer), **OptimizerConfig.search_space(hp)},
    }


PARTS: dict[str, Callable[[Draws, TrainConfig, Dataset], dict[str, Any]]] = {
    "fusion": _fusion,
    "query": _query,
    "towers": _towers,
    "loss": _loss,
    "head": _head,
    "optimizer": _optimizer,
}


def parts_of(task: str) -> list[str]:
    """The parts that a search for a task has by default."""
    losses = {"retrieval": ["loss"], "joint": ["loss", "head"]}.get(task, ["head"])
    return ["fusion", "towers", *losses, "optimizer"]
