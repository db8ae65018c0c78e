"""Statistics of a feature's values, by the display that its modality declares."""

import collections
import io
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import PIL.Image

from tfmmrec.data.tables.missing import USUAL_MARKS
from tfmmrec.modalities import Modality
from tfmmrec.modalities.codecs.wav import describe_sound
from tfmmrec.reports.data_validation.quantile_sketch import Distribution
from tfmmrec.reports.number_format import number, size
from tfmmrec.reports.tables import Bars, Chart, Histogram

_FIVE = ("min", "25%", "median", "75%", "max")


class Description:
    """Statistics of the values of one feature. This base class counts them.

    Args:
        expected: the number of values to come, from which samples are drawn.
        seed: the seed of samples.

    Attributes:
        title: the title of the table of all features with this description, "" for none.
        has_readable_values: whether a message can show a value, as of texts and numbers.
        columns: the column names of the table, after the name of the feature.
        texts: the columns that contain text.
        present: the number of values so far.
        first: the first value.
        is_constant: whether all values so far are equal to the first.
    """

    title: ClassVar[str] = ""
    has_readable_values: ClassVar[bool] = False
    columns: ClassVar[Sequence[str]] = ()
    texts: ClassVar[Sequence[str]] = ()

    def __init__(self, *, expected: int = 0, seed: int = 0):
        self.present = 0
        self.first: Any = None
        self.is_constant = True

    def observe(self, values: list[Any]) -> None:
        """Adds some values, all of them present."""
        if values and not self.present:
            self.first = values[0]
        self.is_constant = self.is_constant and all(value == self.first for value in values)
        self.present += len(values)

    def marks(self) -> dict[str, int]:
        """Returns the counts of values that look like marks of missing values, such as NA."""
        return {}

    def row(self) -> Sequence[str]:
        """Returns the row of the table, one text per column."""
        return ()

    def charts(self, name: str) -> list[Chart]:
        """Returns the charts of the feature `name`."""
        return []


class _Spread(Description):
    """The distribution of one quantity of the values."""

    quantity: ClassVar[str]
    columns: ClassVar[Sequence[str]] = _FIVE

    def __init__(self, *, expected: int = 0, seed: int = 0):
        super().__init__(expected=expected, seed=seed)
        self.spread = Distribution(seed=seed)

    def unit(self, value: float) -> str:
        """Formats the quantity with its unit."""
        return number(value)

    def row(self) -> Sequence[str]:
        return [self.unit(value) for value in self.spread.five()]

    def charts(self, name: str) -> list[Chart]:
        edges = self.spread.edges()
        title = f"{name}: {self.quantity}"
        counts = self.spread.histogram(edges)
        return [Histogram(title, [self.unit(edge) for edge in edges], {"": counts})]


class TextDescription(_Spread):
    """Lengths of texts in characters."""

    title = "Texts, in characters"
    has_readable_values = True
    quantity = "length in characters"

    def __init__(self, *, expected: int = 0, seed: int = 0):
        super().__init__(expected=expected, seed=seed)
        self._marks: collections.Counter[str] = collections.Counter()

    def observe(self, values: list[bytes]) -> None:
        super().observe(values)
        texts = [value.decode(errors="replace") for value in values]
        self.spread.add([len(text) for text in texts])
        self._marks.update(text for text in texts if text in USUAL_MARKS)

    def marks(self) -> dict[str, int]:
        return dict(self._marks)


class NumberDescription(_Spread):
    """The distribution of the numbers."""

    title = "Numbers"
    has_readable_values = True
    quantity = "value"

    def observe(self, values: list[float]) -> None:
        super().observe(values)
        self.spread.add(values)


class CategoricalDescription(Description):
    """Frequencies of the categories."""

    title = "Categories"
    has_readable_values = True
    columns = ("categories", "maximum per row", "most frequent")
    texts = ("most frequent",)

    def __init__(self, *, expected: int = 0, seed: int = 0):
        super().__init__(expected=expected, seed=seed)
        self.counts: collections.Counter[bytes] = collections.Counter()
        self.max_values = 0

    def observe(self, values: list[list[bytes]]) -> None:
        super().observe(values)
        for value in values:
            self.counts.update(value)
            self.max_values = max(self.max_values, len(value))

    def marks(self) -> dict[str, int]:
        return {
            mark: self.counts[mark.encode()] for mark in USUAL_MARKS if mark.encode() in self.counts
        }

    def frequent(self) -> list[tuple[str, int]]:
        """The ten most frequent categories."""
        ranked = sorted(self.counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return [(name.decode(errors="replace"), count) for name, count in ranked[:10]]

    def row(self) -> Sequence[str]:
        frequent = ", ".join(f"{name} {count}" for name, count in self.frequent())
        return [str(len(self.counts)), str(self.max_values), frequent]

    def charts(self, name: str) -> list[Chart]:
        return [Bars(f"{name}: the most frequent categories", self.frequent())]


class MediaDescription(_Spread):
    """Sizes of files, and properties in the headers of a sample of them.

    Args:
        expected: the number of values to come, from which the sample is drawn.
        seed: the seed of the sample.
        num_sampled: the size of the sample (default 300).
    """

    quantity = "size of the file"
    texts = ("formats",)

    def __init__(self, *, expected: int = 0, seed: int = 0, num_sampled: int = 300):
        super().__init__(expected=expected, seed=seed)
        drawn = np.random.default_rng(seed).permutation(expected)[:num_sampled]
        self._drawn = set(drawn.tolist())
        self.formats: collections.Counter[str] = collections.Counter()

    def observe(self, values: list[bytes]) -> None:
        self.spread.add([len(value) for value in values])
        for index, value in enumerate(values, start=self.present):
            if index in self._drawn:
                try:
                    self.formats[self.inspect(value)] += 1
                except (OSError, SyntaxError, ValueError, RuntimeError):
                    self.formats["unreadable"] += 1
        super().observe(values)

    def unit(self, value: float) -> str:
        return size(value)

    def inspect(self, value: bytes) -> str:
        """Adds the properties in the header of one file, and returns the name of its format."""
        raise NotImplementedError(f"{type(self).__name__} must implement inspect")

    def found(self) -> str:
        """Returns the formats in the sample with their counts."""
        return ", ".join(f"{name} {count}" for name, count in self.formats.most_common())


class ImageDescription(MediaDescription):
    """Pictures: sizes of files; width, height and format of a sample."""

    title = "Pictures (width, height and format of a sample)"
    columns = (*_FIVE, "width x height: min", "median", "max", "formats")

    def __init__(self, **more: Any):
        super().__init__(**more)
        self.widths, self.heights = Distribution(), Distribution()

    def inspect(self, value: bytes) -> str:
        with PIL.Image.open(io.BytesIO(value)) as picture:
            self.widths.add(picture.width)
            self.heights.add(picture.height)
            return str(picture.format)

    def row(self) -> Sequence[str]:
        entities = zip(self.widths.five(), self.heights.five(), strict=True)
        pixels = [f"{number(width)} x {number(height)}" for width, height in entities]
        return [*super().row(), *pixels[::2], self.found()]


class AudioDescription(MediaDescription):
    """Sounds: sizes of files; duration and format of a sample."""

    title = "Sounds (seconds and format of a sample)"
    columns = (*_FIVE, "seconds: min", "median", "max", "formats")

    def __init__(self, **more: Any):
        super().__init__(**more)
        self.seconds = Distribution()

    def inspect(self, value: bytes) -> str:
        name, seconds = describe_sound(value)
        self.seconds.add(seconds)
        return name

    def row(self) -> Sequence[str]:
        return [*super().row(), *map(number, self.seconds.five()[::2]), self.found()]


class MultiValuedDescription(Description):
    """Counts rows, and describes their values like those of a single-valued feature.

    Args:
        inner: the description of the values.
    """

    def __init__(self, inner: Description):
        super().__init__()
        self.inner = inner
        self.title, self.columns, self.texts = inner.title, inner.columns, inner.texts  # type: ignore[misc]
        self.has_readable_values = inner.has_readable_values  # type: ignore[misc]

    def observe(self, values: list[Any]) -> None:
        super().observe(values)
        self.inner.observe([value for row in values for value in row])

    def marks(self) -> dict[str, int]:
        return self.inner.marks()

    def row(self) -> Sequence[str]:
        return self.inner.row()

    def charts(self, name: str) -> list[Chart]:
        return self.inner.charts(name)


DESCRIPTIONS: dict[str, type[Description]] = {
    "text": TextDescription,
    "number": NumberDescription,
    "categories": CategoricalDescription,
    "picture": ImageDescription,
    "player": AudioDescription,
    "plain": Description,
}
"""The description of a feature, by the `display` that its modality declares."""


def describe(modality: Modality, expected: int, seed: int) -> Description:
    """Returns a new description of a feature's values.

    Args:
        modality: the feature's modality.
        expected: the number of values to come.
        seed: the seed of samples.
    """
    if modality.element is not None:
        return MultiValuedDescription(
            describe(modality.element, expected * modality.num_values, seed)
        )
    return DESCRIPTIONS[modality.display](expected=expected, seed=seed)
