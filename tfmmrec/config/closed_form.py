"""The key `closed_form` of the training file: terms of the score beside the two towers."""

import dataclasses
from typing import Literal

from tfmmrec.config.checks import check_above, check_choice, check_count
from tfmmrec.config.choices import AUTO
from tfmmrec.config.known_fields import known_fields

# By maximum number of items, the width of each term with `dim: auto`. Embeddings of all items are
# in memory, in training and in serving.
_DIMS = ((50_000, 128), (200_000, 64))
_LEAST_DIM = 32


@known_fields
@dataclasses.dataclass(frozen=True)
class ClosedFormConfig:
    """Terms of the score that are computed from the training events in closed form.

    The score of an item is that of the towers plus an item-item term, the similarity of its content
    to that of the history, and its popularity, each with a weight that the valid split decides (see
    `tfmmrec.models.closed_form.terms`). Only models that rank by one dot product and have id
    embeddings have these terms.

    Attributes:
        dim: the number of components of the item-item term and of the content term; 0 leaves all
            terms out. `auto` is 128, or the number of items if that is less; 64 in a catalog of
            more than 50,000 items, and 32 in one of more than 200,000 (default auto).
        ridge_alpha: the ridge penalty of the item-item term, above 0 (default 100).
    """

    dim: int | Literal["auto"] = AUTO
    ridge_alpha: float = 100.0

    def __post_init__(self) -> None:
        if isinstance(self.dim, str):
            check_choice("dim", self.dim, (AUTO,))
        else:
            check_count("dim", self.dim, 0)
        check_above("ridge_alpha", self.ridge_alpha, 0)

    def dim_of(self, num_items: int) -> int:
        """The number of components in a catalog of so many items."""
        if not isinstance(self.dim, str):
            return self.dim
        dim = next((dim for most, dim in _DIMS if num_items <= most), _LEAST_DIM)
        return min(dim, num_items)
