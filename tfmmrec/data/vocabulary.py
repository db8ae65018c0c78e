"""Vocabularies: one entry a line, the line number is the row."""

from pathlib import Path


def write_vocabulary(path: Path, entries: list[str]) -> None:
    """Writes entries, none of which holds a line break."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8", newline="\n")


def read_vocabulary(path: Path) -> list[str]:
    """Reads the entries back; none when the file is not there."""
    if not path.exists():
        return []
    # Not splitlines: it also breaks at characters such as U+2028, which an id may hold.
    return path.read_text(encoding="utf-8").split("\n")[:-1]
