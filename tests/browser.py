"""Pages as a browser shows them, where there is one."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")


def said_by_a_browser(
    page: Path, picture: Path, *, width: int = 1280, height: int = 4000, dark: bool = False
) -> list[str]:
    """Opens a page, takes its picture, and returns what came to the console.

    A page's policy forbids requests, and the console tells of each that is asked for all the same.
    """
    assert CHROMIUM is not None
    switches = ["headless", "no-sandbox", "disable-gpu", "no-first-run", "hide-scrollbars"]
    switches += [f"window-size={width},{height}", "disable-background-networking", "disable-sync"]
    switches += ["enable-logging=stderr", f"user-data-dir={picture.with_suffix('')}"]
    # Scripts draw within this time, which is not waited for.
    switches += [
        "virtual-time-budget=8000",
        f"blink-settings=preferredColorScheme={0 if dark else 1}",
    ]
    command = [CHROMIUM, *(f"--{switch}" for switch in switches)]
    command += [f"--screenshot={picture}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return [line for line in said if "setting log level" not in line]


def measured_by_a_browser(page: Path, picture: Path, script: str, *, width: int) -> Any:
    """Opens a page that allows scripts, and returns what a JavaScript expression gives.

    Args:
        page: of which a copy with the script is opened in a frame, as no window is as narrow as a
            telephone.
        picture: where its picture goes; the files beside it are of the browser.
        script: an expression whose value JSON can hold.
        width: of the page, in pixels.
    """
    call = f"onload = () => console.log('measured ' + JSON.stringify({script}))"
    content = page.read_text(encoding="utf-8")
    copy = picture.with_suffix(".copy.html")
    copy.write_text(content.replace("</body>", f"<script>{call}</script></body>"), "utf-8")
    frame = picture.with_suffix(".frame.html")
    frame.write_text(
        f'<body style="margin:0"><iframe src="{copy.name}" '
        f'style="width:{width}px;height:3000px;border:0"></iframe>'
    )
    said = said_by_a_browser(frame, picture, width=max(width, 600))
    [found] = [match[1] for line in said if (match := re.search(r"measured (.*)\"", line))]
    return json.loads(found)
