"""Atomic writes of files and folders, content fingerprints, and manifests."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from tfmmrec.errors import ConfigError, DataError

MANIFEST = "MANIFEST.json"
# Raised whenever folders packed earlier can no longer be read.
DATA_FORMAT = 3


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Opens a temporary file beside `path`, which replaces `path` when the block succeeds.

    The bytes are on the disk before the name is, so that after a crash `path` has either its
    earlier content or all of the new one. If the block fails, the temporary file is removed.

    Args:
        path: the file to write; its folder must exist.

    Yields:
        A file open for writing bytes. Its `name` may be used by libraries that write to a path.

    Raises:
        OSError: the disk is full, or the folder is not writable.
    """
    # Its name matches no pattern by which finished files are found, such as *.npz.
    descriptor, partial = tempfile.mkstemp(".partial", f".{path.name}.", path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise


def fingerprint(content: Any) -> str:
    """Returns the SHA-256 of a value that JSON can express, 64 hex digits.

    The order of keys does not matter. Keys of caches are such hashes, or their first digits.

    Examples:
        >>> fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
        True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Creates a temporary folder to write in, which becomes `path` when the block succeeds.

    Args:
        path: the folder to create; its parents are created.
        replace: whether an existing folder is replaced; otherwise it is an error.

    Yields:
        The temporary folder. It is removed if the block fails.

    Raises:
        DataError: `path` exists already, or cannot be written.
    """
    path = Path(os.path.abspath(path))
    refuse_existing(path, replace=replace)
    with _temporary_folder(path) as partial:
        yield partial
        if path.is_dir():
            shutil.rmtree(path)
        partial.rename(path)


@contextlib.contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Creates a hidden folder beside `path` for work on it, and removes it at the end.

    Raises:
        DataError: it cannot be created.
    """
    with _temporary_folder(Path(os.path.abspath(path))) as folder:
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def shared_folder(path: Path) -> Iterator[Path]:
    """Like `atomic_folder`, for processes that may create the same folder: the first one stays.

    Args:
        path: the folder to create; its name identifies its content.

    Raises:
        DataError: it cannot be written.
    """
    path = Path(os.path.abspath(path))
    with _temporary_folder(path) as partial:
        yield partial
        try:
            partial.rename(path)
        except OSError:
            if not path.is_dir():
                raise
            shutil.rmtree(partial)


def remove_folder(path: Path) -> None:
    """Removes a folder; no process sees it partly removed."""
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    with contextlib.suppress(FileNotFoundError):  # removed by another process
        path.rename(aside / "old")
    shutil.rmtree(aside)


@contextlib.contextmanager
def _temporary_folder(path: Path) -> Iterator[Path]:
    """Creates a temporary folder beside `path`, and removes it if the block fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise DataError(f"{path}: cannot be created: {error.strerror}") from None
    try:
        # mkdtemp creates folders that only their owner can read.
        partial.chmod(0o777 & ~_umask())
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _umask() -> int:
    # The system has no call that only reads it.
    umask = os.umask(0)
    os.umask(umask)
    return umask


@contextlib.contextmanager
def resumable_folder(path: Path, key: str) -> Iterator[tuple[Path, Path]]:
    """Like `atomic_folder`, but unfinished work is kept and resumed.

    The work is in `.NAME.partial` beside `path`. When the block succeeds, its folder becomes
    `path` and the notes are removed. When the input is at fault (DataError, ConfigError), both are
    removed. After any other end, such as a kill, the next call with the same key resumes them.

    Args:
        path: the folder to create; its parents are created.
        key: identifies the input; unfinished work with another key is discarded.

    Yields:
        The folder to write in, and a folder for notes on the progress.

    Raises:
        DataError: `path` exists already, cannot be written, or another process is writing it.
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
        raise DataError(f"{path}: cannot be created: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataError(
                f"{path}: another process is writing it; wait until it has finished"
            ) from None
        yield


def refuse_existing(path: Path, *, replace: bool = False) -> None:
    """Raises DataError if `path` exists; an empty folder is accepted."""
    if path.is_dir() and (replace or not any(path.iterdir())):
        return
    if path.exists():
        raise DataError(f"{path}: exists already; give another --out or remove it")


def write_json(path: Path, content: Any) -> None:
    """Writes indented JSON, atomically (see `atomic_write`)."""
    with atomic_write(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def write_text(path: Path, text: str | Iterable[str]) -> None:
    """Writes a text file atomically (see `atomic_write`), and creates its folder.

    Args:
        path: the file to write.
        text: its text, or parts of it that are written as they come.

    Raises:
        DataError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            for part in [text] if isinstance(text, str) else text:
                file.write(part.encode("utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None


def read_json(path: Path) -> Any:
    """Reads JSON.

    Raises:
        DataError: the file is missing or is not valid JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def checksum(path: Path) -> str:
    """Returns the SHA-256 of a file's content, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_entry(path: Path) -> dict[str, Any]:
    """Returns the size and checksum of a file."""
    return {"bytes": path.stat().st_size, "sha256": checksum(path)}


def write_manifest(
    folder: Path, counts: dict[str, Any], known: Mapping[str, dict[str, Any]] | None = None
) -> None:
    """Writes MANIFEST.json: counts, and the size and checksum of every file of a folder.

    Args:
        folder: the folder.
        counts: counts of the content, such as its numbers of rows.
        known: entries by file name that were computed before, so that these files are not read.
    """
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    files = {name: (known or {}).get(name) or manifest_entry(folder / name) for name in names}
    write_json(folder / MANIFEST, {"format": DATA_FORMAT, "counts": counts, "files": files})


def read_manifest(folder: Path) -> dict[str, Any]:
    """Reads the MANIFEST.json of a data folder.

    Raises:
        DataError: there is no such folder, it has no manifest, so it is no data folder, or the
            manifest has another format.
    """
    return read_description(folder, MANIFEST, "data", DATA_FORMAT, "pack")


def read_description(
    folder: Path, name: str, kind: str, supported: int, command: str
) -> dict[str, Any]:
    """Reads the JSON file that describes a folder, and without which it is none of its kind.

    Args:
        folder: the folder.
        name: of the file.
        kind: of the folder and its format, `data` or `run`.
        supported: the only format that this version reads.
        command: of tfmmrec, which writes such folders.

    Raises:
        DataError: there is no such folder, it has no such file, or the format is another one.
    """
    if not folder.exists():
        raise DataError(f"{folder}: no such folder; tfmmrec {command} writes a {kind} folder")
    if not (folder / name).is_file():
        raise DataError(f"{folder}: not a {kind} folder (it has no {name}); run tfmmrec {command}")
    content: dict[str, Any] = read_json(folder / name)
    check_format(folder, content, kind, supported, f"{command} it again")
    return content


def check_format(folder: Path, content: Any, kind: str, supported: int, advice: str) -> None:
    """Raises DataError unless a folder has the supported format.

    Args:
        folder: for the message.
        content: the JSON object that states the format under `format`; format 1 had no number.
        kind: of the format, such as `data` or `run`.
        supported: the only format that this version reads.
        advice: what to do about another one.
    """
    found = content.get("format", 1) if isinstance(content, Mapping) else 1
    if found != supported:
        raise DataError(
            f"{folder}: has {kind} format {found}, this version reads {supported}; {advice}"
        )
