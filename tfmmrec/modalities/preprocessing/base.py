"""The base class of preprocessing steps and their registry."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from tfmmrec.config.parse import parse
from tfmmrec.config.registry import Registry
from tfmmrec.errors import ConfigError

Values = list[bytes] | list[float]


@dataclasses.dataclass(frozen=True)
class Step(abc.ABC):
    """A step that the dataset file declares for a feature and that packing runs on each value.

    It changes the value, derives further features from it, or both. A subclass is a frozen
    dataclass whose fields are the options of the step. It imports optional packages only when it
    runs, so that only its users need to install them.

    Attributes:
        kind: the name in the dataset file, set by `STEPS.register`.
        modalities: the kinds of modality that accept the step.
    """

    kind: ClassVar[str]
    modalities: ClassVar[tuple[str, ...]]

    def derived(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns the declarations of the derived features, `{SUFFIX: {modality: …}}`.

        A step that derives `sentiment` from the feature `title` creates the feature
        `title_sentiment`.
        """
        return {}

    @abc.abstractmethod
    def run(self, value: bytes) -> tuple[bytes, Mapping[str, Values]]:
        """Runs the step on one stored value that is present.

        Args:
            value: UTF-8 text, or a media file's bytes.

        Returns:
            The new value (empty if nothing is left of it), and the stored values of the derived
            features by suffix; absent values are left out.

        Raises:
            BrokenValue: the value is invalid; the message gives the reason.
        """

    def options(self) -> dict[str, Any]:
        """Returns the declaration of the step in a dataset file."""
        return {"step": self.kind, **dataclasses.asdict(self)}


STEPS: Registry[Step] = Registry("steps")


def create_step(declared: Any, modality: str) -> Step:
    """Builds a step from its declaration, `clean` or `{step: tokens, language: zh}`.

    Raises:
        ConfigError: the step is unknown or not available for the modality, or an option is
            invalid.
    """
    options = {"step": declared} if isinstance(declared, str) else declared
    if not isinstance(options, Mapping) or "step" not in options:
        raise ConfigError(f"a step must be a name or {{step: …}}. Received: {declared!r}")
    options = dict(options)
    kind = options.pop("step")
    steps = STEPS.variants
    available = sorted(name for name, step in steps.items() if modality in step.modalities)
    if not isinstance(kind, str) or kind not in available:
        names = ", ".join(available) or "none"
        raise ConfigError(f"modality {modality} has no step {kind!r}; its steps are {names}")
    return parse(steps[kind], options, f"step {kind}")
