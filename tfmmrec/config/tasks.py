"""How outcomes are predicted and tasks weighed, keys of the training file."""

import dataclasses
from typing import Any

import keras_tuner

from tfmmrec.config.checks import check_count, check_share

TASKS = ("retrieval", "rating", "click", "joint")


@dataclasses.dataclass(frozen=True)
class HeadOptions:
    """How a rating or a click is predicted from a user and an item.

    Attributes:
        factors: the width of the vectors that known users and items have here, whose product is
            added; 0 leaves them out (default 32).
        biases: whether known users and items have a number each, which is added (default true).
        decay: the weight of the squares of these vectors and numbers in the loss (default 0.05).
        crosses: layers that cross the vectors of the towers (DCN-V2; default 1).
        rank: of the matrices of the crossing layers; 0 is full (default 0).
        units: of the hidden layer behind them; 0 leaves it out (default 64).
        dropout: of the hidden units in training (default 0.5).
        id_dropout: in training, the chance that a user or an item is taken for unknown, apart from
            each other, so that histories and contents have to do as well (default 0.1).
    """

    factors: int = 32
    biases: bool = True
    decay: float = 0.05
    crosses: int = 1
    rank: int = 0
    units: int = 64
    dropout: float = 0.5
    id_dropout: float = 0.1

    @classmethod
    def search_space(cls, hp: keras_tuner.HyperParameters) -> dict[str, Any]:
        """Draws the widths, the crossing layers and the dropouts for one trial of a search."""
        return {
            "factors": hp.Choice("head.factors", [0, 16, 32, 64], default=32),
            "decay": hp.Float("head.decay", 0.005, 0.5, sampling="log", default=0.05),
            "crosses": hp.Choice("head.crosses", [0, 1, 2], default=1),
            "units": hp.Choice("head.units", [0, 64, 128], default=64),
            "dropout": hp.Choice("head.dropout", [0.1, 0.3, 0.5], default=0.5),
            "id_dropout": hp.Choice("head.id_dropout", [0.0, 0.1, 0.3], default=0.1),
        }

    def __post_init__(self) -> None:
        for name in ("factors", "crosses", "rank", "units"):
            check_count(name, getattr(self, name), 0)
        check_share("dropout", self.dropout)
        check_share("id_dropout", self.id_dropout)
        if self.decay < 0:
            raise ValueError(f"decay must be at least 0. Received: {self.decay}")


@dataclasses.dataclass(frozen=True)
class JointOptions:
    """How much the tasks of a joint training weigh.

    Attributes:
        learned: whether the weights are learned with the model, each task's by how uncertain it
            is; those below are where they start (default false).
        retrieval: the weight of the retrieval loss (default 1).
        rating: of the rating loss; 0 leaves the task out (default 1, without ratings 0).
        click: of the click loss; 0 leaves the task out (default 1).
    """

    learned: bool = False
    retrieval: float = 1.0
    rating: float = 1.0
    click: float = 1.0

    def __post_init__(self) -> None:
        for name in ("rating", "click"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0. Received: {getattr(self, name)}")
        if not self.retrieval > 0:
            raise ValueError(
                f"retrieval must be above 0; task rating and click do without. "
                f"Received: {self.retrieval}"
            )
        if not self.rating and not self.click:
            raise ValueError("rating or click must be above 0; task retrieval does without both")
