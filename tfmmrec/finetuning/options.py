"""How an encoder is trained along with the towers, a key of the training file."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tfmmrec.declared import build
from tfmmrec.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class FinetuneOptions:
    """How one feature's encoder is trained.

    Attributes:
        learning_rate: of its weights, with Adam (default 0.0001; 0.001 for a built-in encoder
            without trained weights).
        variables: a regular expression; only weights whose name it is found in are trained
            (default all).
        augment: how pictures or sounds are varied, such as `{flip: 0.5, crop: 0.8}`.
        recompute: whether the activations are worked out again for the gradient and not kept, which
            takes a third more time and much less memory (default false).
    """

    learning_rate: float = 1e-4
    variables: str = ""
    augment: dict | None = None
    recompute: bool = False

    def __post_init__(self) -> None:
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0. Received: {self.learning_rate}")
        try:
            re.compile(self.variables)
        except re.error as error:
            raise ValueError(f"variables: {self.variables!r} is no pattern: {error}") from None


def finetune_options(
    declared: Sequence[str] | Mapping[str, Mapping[str, Any] | None],
) -> dict[str, FinetuneOptions]:
    """Reads the key `finetune`: a list of features, or their options by feature.

    Raises:
        ConfigError: an option is unknown or wrong.
    """
    if isinstance(declared, Mapping):
        given = {feature: options or {} for feature, options in declared.items()}
    else:
        given = {feature: {} for feature in declared}
    for feature, options in given.items():
        if not isinstance(options, Mapping):
            raise ConfigError(f"finetune.{feature}: options are needed. Received: {options!r}")
    return {
        feature: build(FinetuneOptions, options, f"finetune.{feature}")
        for feature, options in given.items()
    }
