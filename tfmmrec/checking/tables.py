"""Tables and charts as plain content, which the screen and the report show each in its way."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: what it is about.
        columns: the heads of its columns.
        rows: texts, as many a row as there are columns.
        texts: the heads of those columns that hold text, besides the first; the others are
            aligned as numbers.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: Collection[str] = ()

    def is_text(self, place: int) -> bool:
        """Whether a column, by its place, holds text."""
        return place == 0 or self.columns[place] in self.texts


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Counts in bins, of one series or of several stacked on each other.

    Attributes:
        title: what is counted.
        labels: of the bins' edges, one more than there are bins.
        series: the counts of the bins by the series' name.
    """

    title: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float]]


@dataclasses.dataclass(frozen=True)
class Bars:
    """The counts of names, the greatest first."""

    title: str
    counts: Sequence[tuple[str, int]]


Chart = Histogram | Bars


def number(value: float) -> str:
    """Writes a quantity: whole where it is whole, else with four digits; "" for NaN."""
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def share(part: float, whole: float) -> str:
    """Writes a share in percent, with digits where it would seem to be all or nothing."""
    rounded = f"{part / max(1, whole):.0%}"
    if (part and rounded == "0%") or (part < whole and rounded == "100%"):
        return f"{part / whole:.2%}"
    return rounded


def size(value: float) -> str:
    """Writes a number of bytes: 812 B, 3.4 kB, 1.2 MB."""
    if math.isnan(value):
        return ""
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"
