"""Folders that appear whole or not at all, and the manifest that says that one is whole."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfmmrec.errors import ConfigError, DataError

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
    with _beside(path) as partial:
        yield partial
        if path.is_dir():
            shutil.rmtree(path)
        partial.rename(path)


@contextlib.contextmanager
def shared_folder(path: Path) -> Iterator[Path]:
    """As `whole_folder`, for what processes may make at the same time: the first one's stays.

    Args:
        path: where the folder is to appear; its name says all that its content depends on.

    Raises:
        DataError: it cannot be written.
    """
    path = Path(os.path.abspath(path))
    with _beside(path) as partial:
        yield partial
        try:
            partial.rename(path)
        except OSError:
            if not path.is_dir():
                raise
            shutil.rmtree(partial)


def remove_folder(path: Path) -> None:
    """Removes a folder so that nobody sees a half of it."""
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    with contextlib.suppress(FileNotFoundError):  # another process did it
        path.rename(aside / "old")
    shutil.rmtree(aside)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Gives a temporary folder beside `path`, which goes when the block fails."""
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
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextlib.contextmanager
def resumable_folder(path: Path, key: str) -> Iterator[tuple[Path, Path]]:
    """Gives a folder to write in and one for notes, which outlive a stop; see `whole_folder`.

    The folders stand in `.NAME.partial` beside `path`. When the block ends well, the first becomes
    `path` and the notes go. When its input is at fault (DataError, ConfigError), both go; after
    any other end, a kill among them, the next block of the same key finds them as they were.

    Args:
        path: where the folder is to appear; its parents are made.
        key: names the input; what another input left is removed.

    Raises:
        DataError: something stands at `path`, it cannot be written, or another process is at it.
    """
    path = Path(os.path.abspath(path))
    refuse_existing(path)
    partial = path.parent / f".{path.name}.partial"
    with _locked(path, partial):
        folder, notes = partial / "folder", partial / "notes"
        if not (notes / key).exists():
            for old in (folder, notes):
                shutil.rmtree(old, ignore_errors=True)
            notes.mkdir()
            (notes / key).touch()
        folder.mkdir(exist_ok=True)
        try:
            yield folder, notes
        except (DataError, ConfigError):
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if path.is_dir():
            path.rmdir()
        folder.rename(path)
        shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path, partial: Path) -> Iterator[None]:
    try:
        partial.mkdir(parents=True, exist_ok=True)
        lock = (partial / "lock").open("a")
    except OSError as error:
        raise DataError(f"{path}: cannot be made: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataError(f"{path}: another process is writing it; wait for its end") from None
        yield


def refuse_existing(path: Path, *, replace: bool = False) -> None:
    """Raises DataError when `path` is there already (an empty folder does no harm)."""
    if path.is_dir() and (replace or not any(path.iterdir())):
        return
    if path.exists():
        raise DataError(f"{path}: exists already; give another --out or remove it")


def write_json(path: Path, content: Any) -> None:
    """Writes JSON that people can read."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all; one that stands there already is replaced.

    Raises:
        DataError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None


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


def manifest_entry(path: Path) -> dict[str, Any]:
    """Returns a file's size and checksum."""
    return {"bytes": path.stat().st_size, "sha256": checksum(path)}


def write_manifest(
    folder: Path, counts: dict[str, Any], known: Mapping[str, dict[str, Any]] | None = None
) -> None:
    """Writes MANIFEST.json: the counts, and the size and checksum of every file there.

    Args:
        folder: the folder.
        counts: what to say of the content.
        known: entries of files, by name, that need not be read again.
    """
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    files = {name: (known or {}).get(name) or manifest_entry(folder / name) for name in names}
    write_json(folder / MANIFEST, {"counts": counts, "files": files})
