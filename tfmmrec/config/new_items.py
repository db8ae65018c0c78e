"""How vectors of new items come about, a key of the training file."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class NewItemsOptions:
    """What the vector of an item is that training never met.

    It is `share · regressed + (1 − share) · content`: what a regression of the vectors of known
    items on their content makes of it, and what the item tower does (see `ContentRegression`).
    Without ids there is nothing but content that items could have learnt, and no regression.

    Attributes:
        share: of the regression, from 0 to 1; 0 is the item tower alone (default 0.3).
        penalty: of the regression's ridge, above 0 (default 0.3).
        weights: of the features in the regression: `learned`, so that those that tell what users
            choose get more, or `equal` (default learned).
        items: how many known items it is fitted to, at most, those that were chosen most often;
            its time grows with the cube of it (default 2048).
    """

    share: float = 0.3
    penalty: float = 0.3
    weights: Literal["learned", "equal"] = "learned"
    items: int = 2048

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be from 0 to 1. Received: {self.share}")
        if not self.penalty > 0:
            raise ValueError(f"penalty must be above 0. Received: {self.penalty}")
        if self.weights not in ("learned", "equal"):
            raise ValueError(f"weights must be learned or equal. Received: {self.weights}")
        if self.items < 1:
            raise ValueError(f"items must be at least 1. Received: {self.items}")
