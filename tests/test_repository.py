"""The repository itself: one version, constraints that fit, and nothing of one machine."""

import configparser
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tfmmrec

ROOT = Path(__file__).parents[1]


def tracked_texts() -> dict[Path, str]:
    """Returns the text of every file that is tracked, or new and not ignored, by its path."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    texts = {}
    for name in listing.stdout.split("\0"):
        path = ROOT / name
        if name and path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                texts[path.relative_to(ROOT)] = content.decode()
    return texts


def constraints() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def requirements() -> list[tuple[str, Requirement]]:
    """Returns the requirements of setup.cfg, each with its extra ("" for none)."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    groups = {"": setup["options"]["install_requires"], **setup["options.extras_require"]}
    return [
        (extra, Requirement(line))
        for extra, lines in groups.items()
        for line in lines.strip().splitlines()
    ]


def test_the_version_stands_in_one_place():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    assert setup["metadata"]["version"] == "attr: tfmmrec.version.__version__"
    stated = f'__version__ = "{tfmmrec.__version__}"'
    written = [path for path, text in tracked_texts().items() if stated in text]
    assert written == [Path("tfmmrec/version.py")]


@pytest.mark.parametrize(("extra", "requirement"), requirements(), ids=str)
def test_the_constraints_satisfy_setup_cfg(extra, requirement):
    pin = constraints().get(canonicalize_name(requirement.name))
    if pin is None:
        # Only what make venv installs is frozen.
        assert extra not in ("", "dev"), f"{requirement} has no line in constraints.txt"
        return
    (version,) = (specifier.version for specifier in pin.specifier)
    assert requirement.specifier.contains(version)


def test_the_constraints_are_exact_and_name_no_place():
    pins = constraints()
    assert len(pins) > 50
    for name, pin in pins.items():
        operators = [specifier.operator for specifier in pin.specifier]
        assert operators == ["=="], f"{name} is not pinned"
        assert pin.url is None, f"{name} comes from a place"


def test_no_file_names_a_place_of_one_machine():
    # In two pieces each, or this file would find itself.
    places = [f"/{top}/" for top in ("wo" + "rk", "ho" + "me", "ro" + "ot", "Us" + "ers")]
    pattern = re.compile(r"(?<![\w./>-])(?:" + "|".join(places) + ")")
    found = [
        f"{path}:{number}: {line.strip()}"
        for path, text in tracked_texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []
