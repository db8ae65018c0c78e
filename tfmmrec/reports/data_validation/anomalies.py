"""What is wrong with a data folder, collected: each fault names the file and says what to do."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

PACK_AGAIN = "pack the data again"


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: the file, relative to the data folder.
        problem: what is wrong with it, in one line.
        mend: what to do.
        about: the kind of fault; many of one kind in one file are listed only in part.
    """

    name: str
    problem: str
    mend: str = PACK_AGAIN
    about: str = ""

    def line(self, folder: Path) -> str:
        """The fault as one line, whatever the values that it quotes hold."""
        return " ".join(f"{folder / self.name}: {self.problem}; {self.mend}".split())


class Faults:
    """All faults of one data folder: every one is counted, the first of each kind are kept.

    Args:
        folder: the data folder.
        most: how many of one kind and file are kept (default 10).
    """

    def __init__(self, folder: Path, *, most: int = 10):
        self.folder = folder
        self.most = most
        self.total = 0
        self._kept: dict[tuple[str, str], list[Fault]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, fault: Fault) -> None:
        """Takes one fault in."""
        key = (fault.name, fault.about)
        self.total += 1
        self._counts[key] = self._counts.get(key, 0) + 1
        kept = self._kept.setdefault(key, [])
        if len(kept) < self.most:
            kept.append(fault)

    def extend(self, faults: Iterable[Fault]) -> None:
        """Takes several faults in."""
        for fault in faults:
            self.add(fault)

    def lines(self) -> list[str]:
        """One line a kept fault, by file and kind, and one for those left out of each kind."""
        lines = []
        for (name, about), kept in self._kept.items():
            lines += [fault.line(self.folder) for fault in kept]
            if left_out := self._counts[name, about] - len(kept):
                lines.append(f"{self.folder / name}: {left_out:,} more like that ({about})")
        return lines
