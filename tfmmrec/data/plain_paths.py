"""Paths for TensorFlow's readers of checkpoints, which take a path for a pattern of names."""

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

# What TensorFlow, and Python's glob, give a meaning of its own in a pattern.
_PATTERN = re.compile(r"[\[\]{}*?\\]")
_LINKS: dict[str, str] = {}


def plain_path(path: str | Path) -> str:
    """Returns a path to the same file or prefix that holds no sign of a pattern.

    TensorFlow does not find the variables of `data [v1]/model`, since it reads `[v1]` as `v` or
    `1`. For such a path this makes a link to its folder, below the folder of temporary files. The
    link stays until the process ends, because a loaded SavedModel refers to its assets by path.

    Args:
        path: a file, a folder, or a prefix such as `run/weights/model`, whose folder exists; an
            address, such as `gs://BUCKET/NAME`, is returned as it is.
    """
    path = str(path)
    if "://" in path or not _PATTERN.search(os.path.abspath(path)):
        return path
    folder, name = os.path.split(os.path.abspath(path))
    if _PATTERN.search(name):
        folder, name = os.path.join(folder, name), ""
    if folder not in _LINKS:
        link = os.path.join(_links_folder(), hashlib.sha256(os.fsencode(folder)).hexdigest()[:16])
        os.symlink(folder, link, target_is_directory=True)
        _LINKS[folder] = link
    return os.path.join(_LINKS[folder], name) if name else _LINKS[folder]


def _links_folder() -> str:
    if _LINKS:
        return os.path.dirname(next(iter(_LINKS.values())))
    root = tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix="tfmmrec-", dir="/tmp" if _PATTERN.search(root) else None)
    # A process that was forked from this one has the same links, and must leave them.
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
