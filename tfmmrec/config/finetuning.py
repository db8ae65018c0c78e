"""How an encoder is trained along with the towers, a key of the training file."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tfmmrec.config.known_fields import known_fields
from tfmmrec.config.parse import parse
from tfmmrec.errors import ConfigError

_LEARNING_RATE = 1e-4
_FROM_SCRATCH = 1e-3


@known_fields
@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """How one feature's encoder is trained.

    Attributes:
        learning_rate: of its weights, with Adam (default 0.0001; 0.001 for a built-in encoder
            without trained weights).
        variables: a regular expression; only weights whose name it is found in are trained
            (default all).
        augment: how pictures or sounds are varied, such as `{flip: 0.5, crop: 0.8}`.
        recompute: whether activations are worked out again for the gradient, some items at a time,
            and not kept, which takes a third more time and the memory of those items alone; what
            an encoder does in training only, such as dropout, is left out (default false).
    """

    learning_rate: float | None = None
    variables: str = ""
    augment: dict | None = None
    recompute: bool = False

    def __post_init__(self) -> None:
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ConfigError(f"learning_rate must be above 0. Received: {self.learning_rate}")
        try:
            re.compile(self.variables)
        except re.error as error:
            raise ConfigError(f"variables: {self.variables!r} is no pattern: {error}") from None

    def with_rate(self, from_scratch: bool) -> "FinetuneConfig":
        """Fills in the learning rate where none was given."""
        if self.learning_rate is not None:
            return self
        return dataclasses.replace(
            self, learning_rate=_FROM_SCRATCH if from_scratch else _LEARNING_RATE
        )


def finetune_options(
    declared: Sequence[str] | Mapping[str, Mapping[str, Any] | None],
) -> dict[str, FinetuneConfig]:
    """Reads the key `finetune`: a list of features, or their options by feature.

    Raises:
        ConfigError: it is neither, or an option is unknown or wrong.
    """
    if isinstance(declared, Mapping):
        given = {name: {} if options is None else options for name, options in declared.items()}
    elif isinstance(declared, list | tuple) and all(isinstance(name, str) for name in declared):
        given = {name: {} for name in declared}
    else:
        raise ConfigError(
            "finetune: write [FEATURE, …], or {FEATURE: {OPTION: value, …}, …}. "
            f"Received: {declared!r}"
        )
    for name, options in given.items():
        if not isinstance(options, Mapping):
            raise ConfigError(f"finetune.{name}: write {{OPTION: value, …}}. Received: {options!r}")
    return {
        name: parse(FinetuneConfig, options, f"finetune.{name}", joint=".")
        for name, options in given.items()
    }
