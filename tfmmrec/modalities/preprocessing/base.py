"""What a preprocessing step is, and the registry in which each finds itself by name."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from tfmmrec.config.parse import parse
from tfmmrec.errors import ConfigError

Values = list[bytes] | list[float]


@dataclasses.dataclass(frozen=True)
class Step(abc.ABC):
    """A step that the dataset file declares on a feature, and that packing runs on each value.

    It changes the value, derives further features from it, or both. A subclass is a frozen
    dataclass whose fields are its options; what it needs besides the core packages it imports
    when it runs, so that nobody else has to have it installed.
    """

    kind: ClassVar[str]
    modalities: ClassVar[tuple[str, ...]]
    """The kinds of modality that it can stand on."""

    def derived(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns the features that it derives, `{SUFFIX: {modality: …}}`.

        The feature `title` with a step that derives `sentiment` gives the feature
        `title_sentiment`.
        """
        return {}

    @abc.abstractmethod
    def run(self, value: bytes) -> tuple[bytes, Mapping[str, Values]]:
        """Runs the step on one stored value that is present.

        Args:
            value: UTF-8 text, or a media file's bytes.

        Returns:
            The value to go on with (empty when nothing is left of it), and the stored values of
            the derived features by suffix, absent ones left out.

        Raises:
            BrokenValue: the value cannot be used; the message says why.
        """

    def options(self) -> dict[str, Any]:
        """Returns the step as the dataset file would declare it."""
        return {"step": self.kind, **dataclasses.asdict(self)}


STEPS: dict[str, type[Step]] = {}


def register(step: type[Step]) -> type[Step]:
    """Class decorator: makes a step known under its `kind`."""
    STEPS[step.kind] = step
    return step


def create_step(declared: Any, modality: str) -> Step:
    """Builds a step from its declaration, `clean` or `{step: tokens, language: zh}`.

    Raises:
        ConfigError: the step is unknown, does not suit the modality, or an option is wrong.
    """
    options = {"step": declared} if isinstance(declared, str) else declared
    if not isinstance(options, Mapping) or "step" not in options:
        raise ConfigError(f"write a step's name or {{step: …}}. Received: {declared!r}")
    options = dict(options)
    kind = options.pop("step")
    suited = sorted(name for name, step in STEPS.items() if modality in step.modalities)
    if not isinstance(kind, str) or kind not in suited:
        raise ConfigError(
            f"modality {modality} has no step {kind!r}; there are {', '.join(suited) or 'none'}"
        )
    return parse(STEPS[kind], options, f"step {kind}")
