"""Data folders, runs and exports that tests share: each is made once a session.

Whichever worker asks first makes it, and the others wait.

They are read-only. A test that must change one copies it first.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Returns the folder of a world; makes it where no worker of the session has done so.

    Args:
        factory: pytest's; workers of pytest-xdist have folders of their own beside each other.
        name: of the world.
        make: writes the world into the folder that it is given, which does not exist yet.
    """
    base = factory.getbasetemp()
    root = (base.parent if base.name.startswith("popen-") else base) / "worlds"
    root.mkdir(exist_ok=True)
    folder = root / name
    with FileLock(root / f"{name}.lock"):
        if not (root / f"{name}.made").exists():
            make(folder)
            (root / f"{name}.made").touch()
    return folder
