"""Anomalies of a data folder: each names the file and states what to do."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

PACK_AGAIN = "pack the data again"


@dataclasses.dataclass(frozen=True)
class Anomaly:
    """An anomaly of one file.

    Attributes:
        name: the file, relative to the data folder.
        problem: the anomaly in one line.
        mend: what to do.
        category: the kind of anomaly; of each file and category, only the first are listed.
    """

    name: str
    problem: str
    remedy: str = PACK_AGAIN
    category: str = ""

    def line(self, folder: Path) -> str:
        """Formats the anomaly as one line, even if it quotes values with line breaks."""
        return " ".join(f"{folder / self.name}: {self.problem}; {self.remedy}".split())


class Anomalies:
    """The anomalies of a data folder: all are counted, the first of each category are kept.

    Args:
        folder: the data folder.
        max_kept: the number of anomalies to keep per file and category (default 10).
    """

    def __init__(self, folder: Path, *, max_kept: int = 10):
        self.folder = folder
        self.max_kept = max_kept
        self.total = 0
        self._kept: dict[tuple[str, str], list[Anomaly]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, anomaly: Anomaly) -> None:
        """Adds one anomaly."""
        key = (anomaly.name, anomaly.category)
        self.total += 1
        self._counts[key] = self._counts.get(key, 0) + 1
        kept = self._kept.setdefault(key, [])
        if len(kept) < self.max_kept:
            kept.append(anomaly)

    def extend(self, anomalies: Iterable[Anomaly]) -> None:
        """Adds several anomalies."""
        for anomaly in anomalies:
            self.add(anomaly)

    def lines(self) -> list[str]:
        """Returns a line per kept anomaly, and one for the rest of each file and category."""
        lines = []
        for (name, category), kept in self._kept.items():
            lines += [anomaly.line(self.folder) for anomaly in kept]
            if left_out := self._counts[name, category] - len(kept):
                lines.append(f"{self.folder / name}: {left_out:,} more of this kind ({category})")
        return lines
