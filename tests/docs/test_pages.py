"""Documentation pages: their links resolve, and what they say about the code is in the code."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "records/*.md", "trainers/*.md", "serving/*.md")
    for path in ROOT.glob(pattern)
)
# `models/two_tower.py:TwoTower.compute_loss`, a file in tfmmrec/ and a name that it defines.
REFERENCE = re.compile(r"`([\w/]+\.py):([\w.]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub derives them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def defines(body: list[ast.stmt], name: str) -> bool:
    """Whether a module or class body defines a function or class, `Class.method` included."""
    first, _, rest = name.partition(".")
    found = [node for node in body if getattr(node, "name", None) == first]
    return bool(found) and (not rest or defines(getattr(found[0], "body", []), rest))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_resolve(page):
    broken = []
    for link in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page.parent / name) if name else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_references_to_code_exist(page):
    missing = []
    for path, name in REFERENCE.findall((ROOT / page).read_text(encoding="utf-8")):
        file = ROOT / "tfmmrec" / path
        if not file.is_file() or not defines(ast.parse(file.read_text("utf-8")).body, name):
            missing.append(f"{path}:{name}")
    assert missing == []


def test_the_architecture_page_lists_every_package_and_modules_that_exist():
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.split("## Packages")[1].split("## Glossary")[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", table, flags=re.M)
    modules = {package: re.findall(r"`([\w/]+)`", cell) for package, cell in rows}
    assert sorted(modules) == sorted(p.parent.name for p in ROOT.glob("tfmmrec/*/__init__.py"))
    for package, names in modules.items():
        for name in names:
            path = ROOT / "tfmmrec" / package / name
            assert path.is_dir() or path.with_suffix(".py").is_file(), f"{package}/{name}"
