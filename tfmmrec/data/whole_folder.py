"""Cached folders that are made anew when some of their files are gone.

Programs that clean the folder of temporary files remove single files by their age and leave the
folders, so that a folder that exists need not be whole.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from tfmmrec.data.storage import read_json, remove_folder, shared_folder, write_json
from tfmmrec.errors import DataError

# The sizes of all other files by name; written last.
_FILES = "files.json"
_ATTEMPTS = 3


def whole_folder(path: Path, write: Callable[[Path], object]) -> Path:
    """Returns a cached folder; makes it unless all of its files are there with their sizes.

    Several processes may do so at once: each sees a whole folder or none.

    Args:
        path: the folder; its name identifies its content.
        write: writes the content into the empty folder that it is given.

    Raises:
        DataError: it cannot be written.
    """
    for _ in range(_ATTEMPTS):
        if is_whole(path):
            return path
        _remove_damaged(path)
        with shared_folder(path) as partial:
            write(partial)
            write_json(partial / _FILES, _sizes(partial))
    if not is_whole(path):
        raise DataError(f"{path}: files of it vanish as soon as they are written; check the disk")
    return path


def is_whole(path: Path) -> bool:
    """Whether a folder that `whole_folder` made still has all of its files."""
    try:
        return bool(read_json(path / _FILES) == _sizes(path))
    except DataError:
        return False


def _remove_damaged(path: Path) -> None:
    """Removes a folder that is not whole, but not one that another process has just made."""
    if not path.exists():
        return
    lock = os.open(path.parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        # No process makes the folder as long as it exists, and only this one may remove it.
        if path.exists() and not is_whole(path):
            remove_folder(path)
    finally:
        os.close(lock)


def _sizes(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _FILES
    }
