"""What a modality is, and the registry in which each finds itself by name."""

import abc
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import tensorflow as tf

from tfmmrec.config.parse import parse
from tfmmrec.errors import ConfigError
from tfmmrec.modalities.preprocessing.base import Step, create_step


@dataclasses.dataclass(frozen=True)
class Modality(abc.ABC):
    """One kind of feature value, declared once for the writer, the reader, the model and serving.

    A subclass is a frozen dataclass whose fields are the options of the dataset file. Absence is
    carried in the value itself (an empty string, an empty list, NaN), so that a record on disk, a
    row of a batch and a request to the served model mean the same thing by the same test.

    Attributes:
        steps: what packing does to each value, in this order (default nothing).
    """

    kind: ClassVar[str]
    element: ClassVar[str | None] = None
    """Of what kind each stored value is by itself, where a list of them is read as one."""
    steps: tuple[Step, ...] = dataclasses.field(default=(), kw_only=True)

    @property
    def num_values(self) -> int:
        """How many values a row has at most, where each is encoded by itself; else 1."""
        return 1

    @abc.abstractmethod
    def check(self, raw: Any, folder: Path) -> list[bytes] | list[float] | None:
        """Turns a table's value into what is stored.

        Args:
            raw: the value as the table has it, never an absent one (None or an empty string).
            folder: the dataset file's folder, which paths are relative to.

        Returns:
            The values of the record's feature, or None when there is nothing after all.

        Raises:
            BrokenValue: the value is there, but cannot be used; the message says why.
        """

    def pack(self, raw: Any, folder: Path) -> dict[str, list[bytes] | list[float]]:
        """Checks a table's value and runs the steps on it.

        Args:
            raw: as `check` takes it.
            folder: as `check` takes it.

        Returns:
            What is stored: the value itself under "", and what is derived from it under the
            suffixes of `derived`; absent ones are left out.

        Raises:
            BrokenValue: the value is there, but cannot be used; the message says why.
            SomeBroken: some of several values are; it holds what is packed of the others.
        """
        values = self.check(raw, folder)
        if values is None:
            return {}
        if not self.steps:
            return {"": values}
        value: Any = values[0]
        packed: dict[str, list[bytes] | list[float]] = {}
        for step in self.steps:
            value, more = step.run(value)
            packed.update(more)
            if not value:
                return packed
        return {"": [value], **packed}

    def derived(self) -> Mapping[str, "Modality"]:
        """Returns the features that packing derives from this one, by the suffix of their name."""
        found = {suffix: more for step in self.steps for suffix, more in step.derived().items()}
        return {suffix: create(dict(declared)) for suffix, declared in found.items()}

    @abc.abstractmethod
    def parsing(self) -> Any:
        """Returns the `tf.io` feature that reads the stored values back in batches."""

    @abc.abstractmethod
    def present(self, values: Any) -> tf.Tensor:
        """Returns which rows of a batch of stored values have a value, bool `[batch]`."""

    @abc.abstractmethod
    def signature(self, name: str) -> tf.TensorSpec:
        """Returns the input that a served model takes for this feature."""

    def from_request(self, values: tf.Tensor) -> Any:
        """Turns a served model's input into the form that `parsing` gives."""
        return values

    def servable(self, value: bytes) -> bytes:
        """Turns a stored value into the form that a served model reads (most are it already)."""
        return value

    def servable_values(self, values: Any) -> Any:
        """Turns a batch of stored strings, dense or ragged, into that form; "" stays."""
        if isinstance(values, tf.RaggedTensor):
            return values.with_flat_values(self.servable_values(values.flat_values))
        flat = tf.reshape(values, [-1]).numpy()
        served = [self.servable(value) if value else value for value in flat]
        return tf.reshape(tf.constant(served, tf.string), tf.shape(values))

    def options(self) -> dict[str, Any]:
        """Returns the modality as the dataset file would declare it."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        steps = [step.options() for step in own.pop("steps")]
        return {"modality": self.kind, **own, **({"steps": steps} if steps else {})}


MODALITIES: dict[str, type[Modality]] = {}

# By the kind of a value, what holds several of them in a feature.
SEVERAL: dict[str, type[Any]] = {}
_SEVERAL_OPTIONS = ("separator", "most")


def register(modality: type[Modality]) -> type[Modality]:
    """Class decorator: makes a modality known under its `kind`."""
    MODALITIES[modality.kind] = modality
    return modality


def create(options: dict[str, Any]) -> Modality:
    """Builds a modality from its declaration, such as `{"modality": "text"}`.

    A text, picture or sound that is declared with `many: true`, a `separator` or `most` holds
    several.

    Raises:
        ConfigError: the modality is unknown, or has no such option.
    """
    options = dict(options)
    kind = options.pop("modality", None)
    if not isinstance(kind, str) or kind not in MODALITIES:
        raise ConfigError(
            f"unknown modality {kind!r}; there are {', '.join(sorted(MODALITIES))}"
            if kind
            else "the key 'modality' is missing"
        )
    steps = options.pop("steps", None) or []
    if not isinstance(steps, list | tuple):
        raise ConfigError(f"steps: write a list of steps. Received: {steps!r}")
    options["steps"] = tuple(create_step(step, kind) for step in steps)
    what = f"modality {kind}"
    if kind not in SEVERAL or not _holds_several(options):
        return parse(MODALITIES[kind], options, what)
    own = {name: options.pop(name) for name in _SEVERAL_OPTIONS if name in options}
    one = parse(MODALITIES[kind], options, what)
    return parse(SEVERAL[kind], {"one": one, "steps": one.steps, **own}, what)


def _holds_several(options: dict[str, Any]) -> bool:
    """Takes `many` out of the options; it need not be said where another option says it."""
    many = options.pop("many", any(name in options for name in _SEVERAL_OPTIONS))
    if not isinstance(many, bool):
        raise ConfigError(f"many must be true or false. Received: {many!r}")
    return many
