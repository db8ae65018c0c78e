"""Tables and charts as plain content, which the screen and the report show each in its way."""

import dataclasses
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
