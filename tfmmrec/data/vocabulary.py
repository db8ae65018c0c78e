"""Vocabulary files: one entry per line; the line number is the row."""

from pathlib import Path

from tfmmrec.data.plain_names import plain_name


def category_file(entity: str, feature: str) -> str:
    """Returns the path of the vocabulary of a categorical feature in the data folder."""
    return f"vocabulary/{entity}.{plain_name(feature)}.txt"


def write_vocabulary(path: Path, entries: list[str]) -> None:
    """Writes entries, which must not contain line breaks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8", newline="\n")


def read_vocabulary(path: Path) -> list[str]:
    """Reads the entries; returns none if the file does not exist."""
    if not path.exists():
        return []
    # Not splitlines, which also splits at characters such as U+2028 that an id may contain.
    return path.read_text(encoding="utf-8").split("\n")[:-1]
