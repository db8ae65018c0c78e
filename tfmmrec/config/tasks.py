"""The keys `head` and `joint` of the training file: rating and click prediction."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfmmrec.config.checks import check_above, check_at_least, check_bool, check_count, check_rate
from tfmmrec.config.known_fields import known_fields
from tfmmrec.errors import ConfigError

if TYPE_CHECKING:
    import keras_tuner

TASKS = ("retrieval", "rating", "click", "joint")


@known_fields
@dataclasses.dataclass(frozen=True)
class HeadConfig:
    """The head that predicts a rating or a click from a user and an item.

    Attributes:
        factors: the width of the latent factors of known users and items, whose dot product is
            added to the prediction; 0 leaves them out (default 32).
        biases: whether known users and items have a bias each (default true).
        l2: the weight of the L2 penalty on factors and biases (default 0.05).
        num_cross_layers: the number of DCN-V2 cross layers over the embeddings (default 1).
        projection_dim: the rank of the matrices of the cross layers; 0 is full rank (default 0).
        units: of the hidden layer after them; 0 leaves it out (default 64).
        dropout: the dropout rate of the hidden units (default 0.5).
        id_embedding_dropout: the probability, in training, that a user or an item is treated as
            unknown, drawn for each of them, so that the head also learns from histories and content
            (default 0.1).
    """

    factors: int = 32
    biases: bool = True
    l2: float = 0.05
    num_cross_layers: int = 1
    projection_dim: int = 0
    units: int = 64
    dropout: float = 0.5
    id_embedding_dropout: float = 0.1

    @classmethod
    def search_space(cls, hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
        """Draws the widths, the cross layers and the dropout rates for one trial of a search."""
        return {
            "factors": hp.Choice("head.factors", [0, 16, 32, 64], default=32),
            "l2": hp.Float("head.l2", 0.005, 0.5, sampling="log", default=0.05),
            "num_cross_layers": hp.Choice("head.num_cross_layers", [0, 1, 2], default=1),
            "units": hp.Choice("head.units", [0, 64, 128], default=64),
            "dropout": hp.Choice("head.dropout", [0.1, 0.3, 0.5], default=0.5),
            "id_embedding_dropout": hp.Choice(
                "head.id_embedding_dropout", [0.0, 0.1, 0.3], default=0.1
            ),
        }

    def __post_init__(self) -> None:
        for name in ("factors", "num_cross_layers", "projection_dim", "units"):
            check_count(name, getattr(self, name), 0)
        check_rate("dropout", self.dropout)
        check_rate("id_embedding_dropout", self.id_embedding_dropout)
        check_at_least("l2", self.l2, 0)


@known_fields
@dataclasses.dataclass(frozen=True)
class JointConfig:
    """The weights of the losses of `task: joint`.

    Attributes:
        uncertainty_weighting: whether the weights are learned with the model, by the homoscedastic
            uncertainty of each task (Kendall et al. 2018); the weights below are the initial values
            (default false).
        retrieval: the weight of the retrieval loss (default 1).
        rating: of the rating loss; 0 leaves the task out (default 1, or 0 without ratings).
        click: of the click loss; 0 leaves the task out (default 1).
    """

    uncertainty_weighting: bool = False
    retrieval: float = 1.0
    rating: float = 1.0
    click: float = 1.0

    def __post_init__(self) -> None:
        check_bool("uncertainty_weighting", self.uncertainty_weighting)
        for name in ("rating", "click"):
            check_at_least(name, getattr(self, name), 0)
        check_above("retrieval", self.retrieval, 0)
        if not self.rating and not self.click:
            raise ConfigError("rating or click must be above 0; task: retrieval needs neither")
