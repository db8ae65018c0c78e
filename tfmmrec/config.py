"""The keys of the training file, with their defaults."""

import dataclasses
from pathlib import Path
from typing import Any

from tfmmrec.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a model is built and trained.

    Attributes:
        encoders: `builtin` or `hub:HANDLE` by feature; HANDLE is a local folder or an address.
        fusion: how an item's modalities become one vector: `{kind: weighted | concat, …}`.
        query: how a user is read: `{kind: mean, max_history: 50, …}`.
        dim: the width of item and user vectors.
        ids: whether items also have a learned vector of their own.
        id_dropout: the chance, in training, that an item's id is left out.
        modality_dropout: the chance, in training, that a feature is treated as absent.
        dropout: of the projections.
        temperature: where the learned temperature of the softmax starts, within [0.01, 1].
        epochs: passes over the training events at most.
        batch_size: events a step.
        learning_rate: of Adam.
        patience: epochs without a better valid NDCG@10 before training stops.
        strategy: `auto` or `one`: one device.
        cache: the folder that keeps outputs of encoders, which several data folders may share. It
            goes before TFMMREC_CACHE_DIR; without either, it is `cache` in the data folder.
        seed: of weights, order and dropout.
        quiet: no progress bars.
    """

    encoders: dict[str, str] = dataclasses.field(default_factory=dict)
    fusion: dict[str, Any] = dataclasses.field(default_factory=lambda: {"kind": "weighted"})
    query: dict[str, Any] = dataclasses.field(default_factory=lambda: {"kind": "mean"})
    dim: int = 64
    ids: bool = True
    id_dropout: float = 0.3
    modality_dropout: float = 0.1
    dropout: float = 0.1
    temperature: float = 0.1
    epochs: int = 40
    batch_size: int = 1024
    learning_rate: float = 0.003
    patience: int = 5
    strategy: str = "auto"
    cache: str | None = None
    seed: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        for name in ("dim", "epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1. Received: {getattr(self, name)}")
        for name in ("id_dropout", "modality_dropout", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(
                    f"{name} must be from 0 to below 1. Received: {getattr(self, name)}"
                )
        if not 0.01 <= self.temperature <= 1:
            raise ConfigError(f"temperature must be in [0.01, 1]. Received: {self.temperature}")
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate must be above 0. Received: {self.learning_rate}")
        if self.cache:
            # A run is opened again from other working directories.
            folder = str(Path(self.cache).expanduser().absolute())
            object.__setattr__(self, "cache", folder)
        if self.strategy not in ("auto", "one"):
            raise ConfigError(
                f"strategy: {self.strategy!r} is not supported yet; use auto or one (one device)"
            )
