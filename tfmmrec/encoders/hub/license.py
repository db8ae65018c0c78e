"""The license statement in a module's folder."""

import re
from pathlib import Path

from tfmmrec.encoders.hub.handles import resolve
from tfmmrec.errors import ConfigError

_FILES = ("license", "licence", "copying")
_WORD = re.compile(r"\blicen[cs]ed?\b", re.IGNORECASE)
# The part of a file that is read, and the part of the statement that is returned.
_MAX_BYTES, _MAX_CHARACTERS = 100_000, 160


def stated_license(handle: str) -> str | None:
    """Quotes the license statement of a module.

    It is the first two lines of a LICENSE or COPYING file, else the first line of a README that
    mentions a license, or the line below it if that is a heading. It is not interpreted.

    Args:
        handle: of a module, as `resolve` takes it.

    Returns:
        The file name and the quotation; None if there is no such file or line.
    """
    try:
        files = sorted(path for path in resolve(handle).iterdir() if path.is_file())
        for path in files:
            if path.name.lower().startswith(_FILES) and (lines := _lines(path)):
                return _quote(path, lines[:2])
        for path in files:
            if path.name.lower().startswith("readme") and (line := _license_line(_lines(path))):
                return _quote(path, [line])
    except (ConfigError, OSError):
        return None
    return None


def _lines(path: Path) -> list[str]:
    with path.open("rb") as file:
        text = file.read(_MAX_BYTES).decode("utf-8", errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip(" \t=-#*")]


def _license_line(lines: list[str]) -> str:
    for number, line in enumerate(lines):
        if _WORD.search(line):
            is_heading = _WORD.fullmatch(line.strip("#*=-: "))
            return "".join(lines[number + 1 : number + 2]) if is_heading else line.lstrip("# ")
    return ""


def _quote(path: Path, lines: list[str]) -> str:
    words = " / ".join(lines)
    if len(words) > _MAX_CHARACTERS:
        words = words[:_MAX_CHARACTERS].rstrip() + " …"
    return f"{path.name}: “{words}”"
