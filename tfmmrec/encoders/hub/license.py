"""What a module says of its licence."""

import re
from pathlib import Path

from tfmmrec.encoders.hub.handles import resolve
from tfmmrec.errors import ConfigError

_FILES = ("license", "licence", "copying")
_WORD = re.compile(r"\blicen[cs]ed?\b", re.IGNORECASE)
# How much of a file is looked at, in bytes, and how much of it is given, in characters.
_MOST_READ, _MOST_GIVEN = 100_000, 160


def stated_licence(handle: str) -> str | None:
    """Gives in its own words what a module's folder says of its licence.

    That is the first two lines of a LICENSE or COPYING file, else the first line of a README that
    speaks of a licence, or what stands below it if it is a heading. What it means is not looked at.

    Args:
        handle: of a module, as `resolve` takes it.

    Returns:
        The file's name and its words; None where there is no such file, or no such line.
    """
    try:
        files = sorted(path for path in resolve(handle).iterdir() if path.is_file())
        for path in files:
            if path.name.lower().startswith(_FILES) and (lines := _lines(path)):
                return _given(path, lines[:2])
        for path in files:
            if path.name.lower().startswith("readme") and (line := _stated(_lines(path))):
                return _given(path, [line])
    except (ConfigError, OSError):
        return None
    return None


def _lines(path: Path) -> list[str]:
    with path.open("rb") as file:
        text = file.read(_MOST_READ).decode("utf-8", errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip(" \t=-#*")]


def _stated(lines: list[str]) -> str:
    for number, line in enumerate(lines):
        if _WORD.search(line):
            is_heading = _WORD.fullmatch(line.strip("#*=-: "))
            return "".join(lines[number + 1 : number + 2]) if is_heading else line.lstrip("# ")
    return ""


def _given(path: Path, lines: list[str]) -> str:
    words = " / ".join(lines)
    if len(words) > _MOST_GIVEN:
        words = words[:_MOST_GIVEN].rstrip() + " …"
    return f"{path.name}: “{words}”"
