"""The key `contrastive` of the training file: contrastive losses beside that of the task."""

import dataclasses

from tfmmrec.config.checks import check_above, check_at_least, check_count
from tfmmrec.config.known_fields import known_fields


@known_fields
@dataclasses.dataclass(frozen=True)
class ContrastiveConfig:
    """Weights of the contrastive (InfoNCE) losses over content embeddings.

    Attributes:
        cross_modal: the weight of InfoNCE between the modalities of one item, which lets a text
            find pictures and sounds (default 0: off).
        co_engagement: the weight of InfoNCE between the contents of two items that a user
            interacted with in a row, which passes what is known of warm items on to cold ones
            (default 0: off).
        temperature: the divisor of the cosines (default 0.07).
        num_items: the number of catalog items drawn per step for `cross_modal` (default 512).
    """

    cross_modal: float = 0.0
    co_engagement: float = 0.0
    temperature: float = 0.07
    num_items: int = 512

    def __post_init__(self) -> None:
        for name in ("cross_modal", "co_engagement"):
            check_at_least(name, getattr(self, name), 0)
        check_above("temperature", self.temperature, 0)
        check_count("num_items", self.num_items, 2)
