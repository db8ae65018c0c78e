"""Folders that appear whole or not at all, and the manifest that says that one is whole."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfmmrec.errors import DataError

MANIFEST = "MANIFEST.json"


@contextlib.contextmanager
def whole_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Gives a temporary folder to write in, which becomes `path` when the block ends well.

    Args:
        path: where the folder is to appear; its parents are made.
        replace: whether a folder that stands there gives way; otherwise it is an error.

    Raises:
        DataError: something stands at `path`, or it cannot be written.
    """
    path = Path(os.path.abspath(path))
    refuse_existing(path, replace=replace)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise DataError(f"{path}: cannot be made: {error.strerror}") from None
    try:
        # mkdtemp makes folders that only their owner can read; this one is to be shared.
        umask = os.umask(0)
        os.umask(umask)
        partial.chmod(0o777 & ~umask)
        yield partial
        if path.is_dir():
            shutil.rmtree(path)
        partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def refuse_existing(path: Path, *, replace: bool = False) -> None:
    """Raises DataError when `path` is there already (an empty folder does no harm)."""
    if path.is_dir() and (replace or not any(path.iterdir())):
        return
    if path.exists():
        raise DataError(f"{path}: exists already; give another --out or remove it")


def write_json(path: Path, content: Any) -> None:
    """Writes JSON that people can read."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Reads JSON; raises DataError when the file is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def checksum(path: Path) -> str:
    """Returns the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, counts: dict[str, Any]) -> None:
    """Writes MANIFEST.json: the counts, and the size and checksum of every file there."""
    files = {
        str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": checksum(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    write_json(folder / MANIFEST, {"counts": counts, "files": files})
