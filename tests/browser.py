"""Pages as a browser shows them, where there is one."""

import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")


def said_by_a_browser(page: Path, picture: Path, *, height: int = 4000) -> list[str]:
    """Opens a page, takes its picture, and returns what came to the console.

    A page's policy forbids requests, and the console tells of each that is asked for all the same.
    """
    assert CHROMIUM is not None
    switches = ["headless", "no-sandbox", "disable-gpu", "no-first-run"]
    switches += [f"window-size=1280,{height}", "disable-background-networking", "disable-sync"]
    switches += ["enable-logging=stderr", f"user-data-dir={picture.with_suffix('')}"]
    command = [CHROMIUM, *(f"--{switch}" for switch in switches)]
    command += [f"--screenshot={picture}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return [line for line in said if "setting log level" not in line]
