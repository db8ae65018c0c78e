"""Configs of trainings without random numbers, so that two trainings can be equal."""

from typing import Any

from tfmmrec.config.train_config import TrainConfig

WITHOUT_CHANCE: dict[str, Any] = {
    "features": ["title", "plot"],
    "dim": 4,
    "projection_units": 0,
    "refit": False,
    "epochs": 2,
    # Does not fall into two equal parts.
    "batch_size": 15,
    "learning_rate": 0.01,
    "dropout": 0.0,
    "id_embedding_dropout": 0.0,
    "modality_dropout": 0.0,
    "query": {"kind": "mean", "max_history": 4, "units": 8, "dropout": 0.0},
    "cold_start": {"weight": 0.0},
    "closed_form": {"dim": 0},
    # So many draws find every item.
    "negatives": {"num_uniform": 300},
    "contrastive": {"cross_modal": 0.1, "co_engagement": 0.1, "num_items": 300},
    "quiet": True,
}


def config(**options: Any) -> TrainConfig:
    return TrainConfig(**{**WITHOUT_CHANCE, **options})
