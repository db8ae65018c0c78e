"""What is counted of a feature's values, by its modality."""

import collections
import functools
import io
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import PIL.Image
import soundfile

from tfmmrec.modalities import Audio, Categorical, Image, Modality, Number, Text
from tfmmrec.reports.data_validation.quantile_sketch import Distribution
from tfmmrec.reports.number_format import number, size
from tfmmrec.reports.tables import Bars, Chart, Histogram

_FIVE = ("least", "25%", "median", "75%", "most")


class Description:
    """What is counted of one feature; of a modality without its own, how many values there are.

    Attributes:
        title: of the table that the features of this kind share, "" for none.
        columns: its heads, next to the feature's name.
        texts: those heads whose columns hold text.
        present: how many values passed.
    """

    title: ClassVar[str] = ""
    columns: ClassVar[Sequence[str]] = ()
    texts: ClassVar[Sequence[str]] = ()

    def __init__(self) -> None:
        self.present = 0

    def observe(self, values: list[Any]) -> None:
        """Counts some values, none of them absent."""
        self.present += len(values)

    def row(self) -> Sequence[str]:
        """What was counted, a text for each column."""
        return ()

    def charts(self, name: str) -> list[Chart]:
        """What was counted, drawn; `name` is the feature's."""
        return []


class _Spread(Description):
    """A feature of whose values a quantity is spread between a least and a most."""

    what: ClassVar[str]
    columns: ClassVar[Sequence[str]] = _FIVE

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.spread = Distribution(seed=seed)

    def unit(self, value: float) -> str:
        """Writes one quantity."""
        return number(value)

    def row(self) -> Sequence[str]:
        return [self.unit(value) for value in self.spread.five()]

    def charts(self, name: str) -> list[Chart]:
        edges = self.spread.edges()
        title = f"{name}: {self.what}"
        counts = self.spread.histogram(edges)
        return [Histogram(title, [self.unit(edge) for edge in edges], {"": counts})]


class TextDescription(_Spread):
    """Lengths of texts."""

    title = "Texts, in characters"
    what = "length in characters"

    def observe(self, values: list[bytes]) -> None:
        super().observe(values)
        self.spread.add([len(value.decode(errors="replace")) for value in values])


class NumberDescription(_Spread):
    """The numbers themselves."""

    title = "Numbers"
    what = "value"

    def observe(self, values: list[float]) -> None:
        super().observe(values)
        self.spread.add(values)


class CategoricalDescription(Description):
    """How often there is each category."""

    title = "Categories"
    columns = ("categories", "in a row at most", "most frequent")
    texts = ("most frequent",)

    def __init__(self) -> None:
        super().__init__()
        self.counts: collections.Counter[bytes] = collections.Counter()
        self.most_values = 0

    def observe(self, values: list[list[bytes]]) -> None:
        super().observe(values)
        for value in values:
            self.counts.update(value)
            self.most_values = max(self.most_values, len(value))

    def frequent(self) -> list[tuple[str, int]]:
        """The ten most frequent categories."""
        ranked = sorted(self.counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return [(name.decode(errors="replace"), count) for name, count in ranked[:10]]

    def row(self) -> Sequence[str]:
        frequent = ", ".join(f"{name} {count}" for name, count in self.frequent())
        return [str(len(self.counts)), str(self.most_values), frequent]

    def charts(self, name: str) -> list[Chart]:
        return [Bars(f"{name}: the most frequent categories", self.frequent())]


class MediaDescription(_Spread):
    """Sizes of files, and of a sample what their headers say.

    Args:
        expected: how many values there will be, from which the sample is drawn.
        seed: of the sample.
        num_sampled: its size (default 300).
    """

    what = "size of the file"
    texts = ("formats",)

    def __init__(self, *, expected: int, seed: int, num_sampled: int = 300):
        super().__init__(seed)
        drawn = np.random.default_rng(seed).permutation(expected)[:num_sampled]
        self._drawn = set(drawn.tolist())
        self.formats: collections.Counter[str] = collections.Counter()

    def observe(self, values: list[bytes]) -> None:
        self.spread.add([len(value) for value in values])
        for place, value in enumerate(values, start=self.present):
            if place in self._drawn:
                try:
                    self.formats[self.inspect(value)] += 1
                except (OSError, SyntaxError, ValueError, RuntimeError):
                    self.formats["unreadable"] += 1
        super().observe(values)

    def unit(self, value: float) -> str:
        return size(value)

    def inspect(self, value: bytes) -> str:
        """Takes in what the header of one file says, and returns the name of its format."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to read a header")

    def found(self) -> str:
        """The formats in the sample."""
        return ", ".join(f"{name} {count}" for name, count in self.formats.most_common())


class ImageDescription(MediaDescription):
    """Pictures: bytes, and of a sample width, height and format."""

    title = "Pictures (width, height and format: of a sample)"
    columns = (*_FIVE, "width x height, least", "median", "most", "formats")

    def __init__(self, **more: Any):
        super().__init__(**more)
        self.widths, self.heights = Distribution(), Distribution()

    def inspect(self, value: bytes) -> str:
        with PIL.Image.open(io.BytesIO(value)) as picture:
            self.widths.add(picture.width)
            self.heights.add(picture.height)
            return str(picture.format)

    def row(self) -> Sequence[str]:
        sides = zip(self.widths.five(), self.heights.five(), strict=True)
        pixels = [f"{number(width)} x {number(height)}" for width, height in sides]
        return [*super().row(), *pixels[::2], self.found()]


class AudioDescription(MediaDescription):
    """Sounds: bytes, and of a sample seconds and format."""

    title = "Sounds (seconds and format: of a sample)"
    columns = (*_FIVE, "seconds, least", "median", "most", "formats")

    def __init__(self, **more: Any):
        super().__init__(**more)
        self.seconds = Distribution()

    def inspect(self, value: bytes) -> str:
        info = soundfile.info(io.BytesIO(value))
        self.seconds.add(info.frames / info.samplerate)
        return str(info.format)

    def row(self) -> Sequence[str]:
        return [*super().row(), *map(number, self.seconds.five()[::2]), self.found()]


@functools.singledispatch
def describe(modality: Modality, expected: int, seed: int) -> Description:
    """Returns what counts the values of one feature.

    Args:
        modality: of the feature.
        expected: how many values there will be.
        seed: of samples.
    """
    return Description()


@describe.register
def _(modality: Text, expected: int, seed: int) -> Description:
    return TextDescription(seed)


@describe.register
def _(modality: Number, expected: int, seed: int) -> Description:
    return NumberDescription(seed)


@describe.register
def _(modality: Categorical, expected: int, seed: int) -> Description:
    return CategoricalDescription()


@describe.register
def _(modality: Image, expected: int, seed: int) -> Description:
    return ImageDescription(expected=expected, seed=seed)


@describe.register
def _(modality: Audio, expected: int, seed: int) -> Description:
    return AudioDescription(expected=expected, seed=seed)
