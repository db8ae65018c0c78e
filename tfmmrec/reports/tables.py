"""Tables and charts as plain content, rendered on the console, in HTML and in Markdown."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence

import rich.box
import rich.table
import rich.text


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    HTML pages render it with the macro `table` of templates/tables.html.

    Attributes:
        title: above the table.
        columns: the headers of the columns.
        rows: the cells of each row, as many as there are columns.
        texts: headers of the text columns besides the first; the others are aligned as numbers.
        styles: rich styles on the console, by the text of a cell.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: Collection[str] = ()
    styles: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def is_text(self, column: int) -> bool:
        """Whether a column, by its index, has text."""
        return column == 0 or self.columns[column] in self.texts

    def to_rich(self) -> rich.table.Table:
        """Renders the table for the console."""
        table = rich.table.Table(
            title=self.title or None, title_justify="left", box=rich.box.SIMPLE_HEAD
        )
        for index, column in enumerate(self.columns):
            table.add_column(column, justify="left" if self.is_text(index) else "right")
        for row in self.rows:
            # Text cells: a value from the data is not interpreted as markup.
            table.add_row(*(rich.text.Text(cell, self.styles.get(cell, "")) for cell in row))
        return table

    def to_markdown(self) -> str:
        """Renders the table as Markdown, without its title."""
        return markdown_table(self.columns, self.rows)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Renders a Markdown table, one line per row."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclasses.dataclass(frozen=True)
class Histogram:
    """A histogram of one series, or of several stacked series.

    Attributes:
        title: above the chart.
        labels: of the edges of the bins, one more than there are bins.
        series: the counts of the bins, by the name of the series.
    """

    title: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float]]


@dataclasses.dataclass(frozen=True)
class Bars:
    """A bar chart of counts by name, in descending order."""

    title: str
    counts: Sequence[tuple[str, int]]


Chart = Histogram | Bars
