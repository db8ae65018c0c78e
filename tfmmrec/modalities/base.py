"""The base class of modalities and their registry."""

import abc
import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import tensorflow as tf

from tfmmrec.config.registry import Registry
from tfmmrec.modalities.counters import FeatureCounter
from tfmmrec.modalities.preprocessing.base import Step


@dataclasses.dataclass(frozen=True)
class SearchOption:
    """The option of `tfmmrec search` that takes a query of one modality.

    Attributes:
        help: the option's line in `tfmmrec search --help`.
        is_file: whether the query is the path of a file; otherwise it is the value itself.
    """

    help: str
    is_file: bool


@dataclasses.dataclass(frozen=True)
class Modality(abc.ABC):
    """A kind of feature value, declared once for packing, reading, the model, serving and reports.

    A subclass is a frozen dataclass whose fields are the options of the dataset file:

        dataset file --check, pack--> record --parsing--> batch --encoder--> encoding
                          request --signature, from_request--^

    An absent value is part of the representation (an empty string, an empty list, NaN), so that a
    record on disk, a row of a batch and a request to the served model are tested for absence in
    the same way (`present`).

    Attributes:
        kind: the name in the dataset file, set by `MODALITIES.register`.
        encoder: the family of encoders that read a value: `text`, `image` or `audio` (networks),
            `categorical`, `number` or `vector` (fitted to the table). Default: `kind`.
        display: how reports render and describe a value: `text`, `number`, `categories`,
            `picture`, `player`, or `plain` (default), which prints the value and counts it.
        is_tabular: whether ablations and tables of results count the feature under `tables`.
        has_vocabulary: whether packing writes a vocabulary of the values.
        can_be_multi_valued: whether a feature may hold several values, each encoded separately.
        search_option: the option of `tfmmrec search` that takes such a value; None for none.
        steps: the preprocessing steps that packing runs on each value, in this order (default
            none).
    """

    kind: ClassVar[str]
    encoder: ClassVar[str] = ""
    display: ClassVar[str] = "plain"
    is_tabular: ClassVar[bool] = False
    has_vocabulary: ClassVar[bool] = False
    can_be_multi_valued: ClassVar[bool] = False
    search_option: ClassVar[SearchOption | None] = None
    steps: tuple[Step, ...] = dataclasses.field(default=(), kw_only=True)

    @property
    def element(self) -> "Modality | None":
        """The modality of each value of a feature that holds several, otherwise None."""
        return None

    @property
    def num_values(self) -> int:
        """The maximum number of separately encoded values per row."""
        return 1

    @property
    def value_kind(self) -> str:
        """The kind of a single value: that of the element if the feature holds several values."""
        return (self.element or self).kind

    @property
    def encoder_family(self) -> str:
        """The family of encoders that read a single value."""
        one = self.element or self
        return one.encoder or one.kind

    @property
    def reads_files(self) -> bool:
        """Whether the table contains paths of files."""
        return False

    def paths(self, raw: Any) -> list[str]:
        """Returns the paths of files that a table's value contains (default: none).

        Raises:
            BrokenValue: a path is not text.
        """
        return []

    @abc.abstractmethod
    def check(self, raw: Any, folder: Path) -> list[bytes] | list[float] | None:
        """Converts a table's value to its stored form.

        Args:
            raw: the value in the table, never an absent one (None or an empty string).
            folder: the folder to which paths are relative.

        Returns:
            The values of the record's feature, or None if the value turns out to be absent.

        Raises:
            BrokenValue: the value is invalid; the message gives the reason.
        """

    def pack(self, raw: Any, folder: Path) -> dict[str, list[bytes] | list[float]]:
        """Checks a table's value and runs the preprocessing steps on it.

        Args:
            raw: see `check`.
            folder: see `check`.

        Returns:
            The stored values: the value itself under "", the derived ones under the suffixes of
            `derived`. Absent values are left out.

        Raises:
            BrokenValue: the value is invalid; the message gives the reason.
            SomeBroken: some of several values are invalid; it holds the stored form of the others.
        """
        values = self.check(raw, folder)
        return {} if values is None else self.preprocess(values)

    def preprocess(self, values: list[bytes] | list[float]) -> dict[str, list[bytes] | list[float]]:
        """Runs the preprocessing steps on a checked value; returns what `pack` does."""
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
        from tfmmrec.modalities.create import create

        found = {suffix: more for step in self.steps for suffix, more in step.derived().items()}
        return {suffix: create(dict(declared)) for suffix, declared in found.items()}

    def counter(self) -> FeatureCounter:
        """Returns a new counter of the statistics that packing stores (default: presence only)."""
        return FeatureCounter()

    @abc.abstractmethod
    def parsing(self) -> Any:
        """Returns the `tf.io` feature that parses the stored values in batches."""

    @abc.abstractmethod
    def present(self, values: Any) -> tf.Tensor:
        """Returns the rows of a batch that have a value, bool `[batch]`."""

    @abc.abstractmethod
    def signature(self, name: str) -> tf.TensorSpec:
        """Returns the input of a served model for this feature."""

    def from_request(self, values: tf.Tensor) -> Any:
        """Converts a served model's input to the form that `parsing` gives."""
        return values

    def servable(self, value: bytes) -> bytes:
        """Converts a stored value to the form that a served model decodes (default: as stored)."""
        return value

    def servable_values(self, values: Any) -> Any:
        """Applies `servable` to a batch of stored strings, dense or ragged; "" stays ""."""
        if isinstance(values, tf.RaggedTensor):
            return values.with_flat_values(self.servable_values(values.flat_values))
        flat = tf.reshape(values, [-1]).numpy()
        served = [self.servable(value) if value else value for value in flat]
        return tf.reshape(tf.constant(served, tf.string), tf.shape(values))

    def value_anomaly(
        self, value: Any, vocabulary: Collection[bytes] = (), *, decode_media: bool = False
    ) -> str | None:
        """Checks a stored value beyond the type that parsing enforces.

        Args:
            value: a stored value that is present; a list if the feature holds several.
            vocabulary: the feature's vocabulary, if it has one.
            decode_media: whether to decode media files, which is slow.

        Returns:
            The anomaly in one line, or None.
        """
        if self.element is None:
            return None
        for number, one in enumerate(value, start=1):
            problem = self.element.value_anomaly(one, vocabulary, decode_media=decode_media)
            if problem:
                return f"value {number}: {problem}"
        return None

    def add_domain(
        self, feature: Any, statistics: Mapping[str, Any], categories: Sequence[str]
    ) -> None:
        """Adds the domain of the values to the feature's entry in a TensorFlow Metadata schema.

        Args:
            feature: the `schema_pb2.Feature` to complete.
            statistics: the feature's entry in statistics.json.
            categories: the feature's vocabulary, empty if it has none.
        """
        if self.element is not None:
            self.element.add_domain(feature, statistics, categories)
            feature.value_count.max = self.num_values

    def options(self) -> dict[str, Any]:
        """Returns the declaration of the modality in a dataset file."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        steps = [step.options() for step in own.pop("steps")]
        return {"modality": self.kind, **own, **({"steps": steps} if steps else {})}


MODALITIES: Registry[Modality] = Registry("modality")


def search_options() -> dict[str, SearchOption]:
    """Returns the options of `tfmmrec search` by modality.

    These are the modalities of content: their embeddings are comparable with each other after
    contrastive alignment.
    """
    found = {kind: variant.search_option for kind, variant in MODALITIES.variants.items()}
    return {kind: option for kind, option in sorted(found.items()) if option is not None}
