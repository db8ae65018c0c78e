"""Why a path of a table names no file: finds the file that was probably meant."""

import os
import re
import unicodedata
import urllib.parse
from pathlib import Path, PurePosixPath

# Folders below the media folder in which a file is looked for.
_MAX_FOLDERS = 200


def why_not_found(path: str, media: Path, table: Path) -> str | None:
    """Returns a hint in one line, or None.

    Args:
        path: a path of a table that names no file.
        media: the folder to which it is relative.
        table: the folder of the table.
    """
    if path.startswith("data:"):
        return "data: addresses are not read; write the files and give their paths"
    if re.match(r"(?i)([a-z][a-z0-9+.-]+:)?//|www\.", path) and not path.lower().startswith(
        "file:"
    ):
        return "addresses are not downloaded; download the files and give their paths"
    name, changes = _cleaned(path)
    found, change = _find(name, media, table)
    if found:
        return f"{found} is there: {', '.join([*changes, *change])}"
    if path.startswith("~"):
        return "~ is not replaced by the home folder; set media: to the folder of the files"
    if re.match(r"[A-Za-z]:[\\/]", path):
        return f"a path with a drive of Windows; give paths relative to {media}"
    parent = os.path.dirname(name)
    if parent and not os.path.isdir(os.path.join(media, parent)):
        return f"there is no folder {parent} in {media}"
    return None


def _cleaned(path: str) -> tuple[str, list[str]]:
    """Undoes what is often added to a path; returns the rest and what was undone."""
    changes = []
    name = path
    if name.lower().startswith("file:"):
        name = re.sub(r"(?i)^file:(//)?", "", name)
        changes.append("file: is not read")
    if name != (bare := name.strip().strip("\"'").strip()):
        name = bare
        changes.append("without the blanks or quotes at its ends")
    if "%" in name and name != (decoded := urllib.parse.unquote(name)):
        name = decoded
        changes.append("%-signs are not decoded")
    if re.search(r"\.\w+[?#]", name):
        name = re.split(r"[?#]", name)[0]
        changes.append("without what follows ? or #")
    if re.match(r"[A-Za-z]:[\\/]", name):
        name = name[2:]
    return name.replace("\\", "/"), changes


def _find(name: str, media: Path, table: Path) -> tuple[str | None, list[str]]:
    """Looks for a file; returns its path and how it differs from the name."""
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", ".", "..")]
    if not parts:
        return None, []
    if found := _matching(media, parts):
        return found, _differences("/".join(parts), found)
    if os.path.isfile(table / name) and table != media:
        return str(table / name), [f"paths are relative to {media}; set media: {table}"]
    for start in range(1, len(parts)):
        if found := _matching(media, parts[start:]):
            shorter = [f"without {'/'.join(parts[:start])}/"]
            return found, shorter + _differences("/".join(parts[start:]), found)
    for folder in _folders(media):
        if found := _matching(media / folder, parts[-1:]):
            change = [f"set media: {folder}, or write the folder into the paths"]
            return f"{folder}/{found}", change + _differences(parts[-1], found)
    return None, []


def _matching(folder: Path, parts: list[str]) -> str | None:
    """Finds a file in spite of letter case, Unicode form and suffix; returns its relative path."""
    found: list[str] = []
    for number, part in enumerate(parts, start=1):
        is_last = number == len(parts)
        name = _entry(folder.joinpath(*found), part, is_file=is_last)
        if name is None:
            return None
        found.append(name)
    return "/".join(found)


def _entry(folder: Path, name: str, *, is_file: bool) -> str | None:
    is_kind = os.path.isfile if is_file else os.path.isdir
    if is_kind(folder / name):
        return name
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return None
    wanted = _key(name)
    alike = [other for other in names if _key(other) == wanted]
    if is_file and not alike:
        stem = os.path.splitext(wanted)[0]
        alike = [n for n in names if os.path.splitext(_key(n))[0] in (stem, wanted)]
    return next((other for other in alike if is_kind(folder / other)), None)


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _differences(name: str, found: str) -> list[str]:
    if name == found:
        return []
    if _key(name) != _key(found):
        return ["the suffix differs"]
    is_form = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", found)
    return ["its letters are composed in another Unicode form" if is_form else "letter case counts"]


def _folders(root: Path) -> list[str]:
    """Returns some folders below a folder, the outer ones first."""
    found: list[str] = []
    waiting = [""]
    while waiting and len(found) < _MAX_FOLDERS:
        folder = waiting.pop(0)
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError:
            continue
        names = [entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."]
        inner = [f"{folder}/{name}".lstrip("/") for name in names]
        found += inner
        waiting += [name for name in inner if name.count("/") < 3]
    return found[:_MAX_FOLDERS]
