"""The key `cold_start` of the training file: embeddings of items without training events."""

import dataclasses
from typing import Literal

from tfmmrec.config.checks import check_above, check_between, check_choice, check_count
from tfmmrec.config.choices import AUTO
from tfmmrec.config.known_fields import known_fields

# Where `auto` has no held-out items to choose by.
_DEFAULT_WEIGHT, _DEFAULT_RIDGE_ALPHA = 0.5, 1.0


@known_fields
@dataclasses.dataclass(frozen=True)
class ColdStartConfig:
    """How the embedding of a cold-start item is computed from its content.

    It is `weight * regression + (1 - weight) * tower`: a kernel ridge regression from the content
    of trained items to their embeddings, mixed with the output of the item tower (see
    `tfmmrec.models.cold_start.kernel_ridge`). Without id embeddings, items learn from content
    alone, and there is no regression.

    Attributes:
        weight: of the regression, from 0 to 1; 0 uses the item tower alone. `auto` chooses it on
            items that are held out of the first training; where none can be, it is 0.5 (default
            auto).
        ridge_alpha: the ridge penalty of the regression, above 0. `auto` chooses it likewise; where
            no items are held out, it is 1 (default auto).
        feature_weights: the weights of the features in the kernel: `learned`, so that features that
            predict interactions weigh more, or `equal` (default learned).
        num_items: the maximum number of trained items to fit, those with the most events; the time
            grows with its cube (default 2048).
    """

    weight: float | Literal["auto"] = AUTO
    ridge_alpha: float | Literal["auto"] = AUTO
    feature_weights: Literal["learned", "equal"] = "learned"
    num_items: int = 2048

    def __post_init__(self) -> None:
        if isinstance(self.weight, str):
            check_choice("weight", self.weight, (AUTO,))
        else:
            check_between("weight", self.weight, 0, 1)
        if isinstance(self.ridge_alpha, str):
            check_choice("ridge_alpha", self.ridge_alpha, (AUTO,))
        else:
            check_above("ridge_alpha", self.ridge_alpha, 0)
        check_choice("feature_weights", self.feature_weights, ("learned", "equal"))
        check_count("num_items", self.num_items, 1)

    @property
    def fixed_weight(self) -> float:
        """The weight, with 0.5 in place of `auto`."""
        return _DEFAULT_WEIGHT if isinstance(self.weight, str) else self.weight

    @property
    def fixed_ridge_alpha(self) -> float:
        """The ridge penalty, with 1 in place of `auto`."""
        return _DEFAULT_RIDGE_ALPHA if isinstance(self.ridge_alpha, str) else self.ridge_alpha
