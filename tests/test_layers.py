"""The import contract of pyproject.toml: imports go down the layers of docs/ARCHITECTURE.md."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package and of its contract, which a test may break."""
    if not LINT_IMPORTS.exists():
        pytest.skip("needs import-linter, of the extra dev")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(
        ROOT / "tfmmrec", tmp_path / "tfmmrec", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path / "tfmmrec"


def lint(package: Path) -> tuple[int, str]:
    command = [str(LINT_IMPORTS), "--no-cache"]
    done = subprocess.run(command, cwd=package.parent, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout


def add_import(package: Path, module: str, line: str) -> None:
    path = package / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n\n{line}\n", encoding="utf-8")


def test_the_contract_is_kept_and_an_upward_import_is_refused(package):
    code, printed = lint(package)
    assert code == 0, printed
    add_import(package, "layers/pooling.py", "from tfmmrec.training import train  # noqa")
    code, printed = lint(package)
    assert code == 1
    assert "tfmmrec.layers.pooling -> tfmmrec.training.train" in printed


def test_a_kind_of_fusion_must_not_import_another(package):
    add_import(package, "layers/fusion/late.py", "from tfmmrec.layers.fusion import gated  # noqa")
    code, printed = lint(package)
    assert code == 1
    assert "tfmmrec.layers.fusion.late -> tfmmrec.layers.fusion.gated" in printed


def test_a_new_package_needs_a_layer(package):
    (package / "odds").mkdir()
    (package / "odds" / "__init__.py").write_text('"""A package that no layer names."""\n')
    code, printed = lint(package)
    assert code == 1 and "odds" in printed


def test_the_top_of_the_package_stays_small():
    packages = [p for p in (ROOT / "tfmmrec").iterdir() if (p / "__init__.py").exists()]
    modules = list((ROOT / "tfmmrec").glob("*.py"))
    assert len(packages) <= 14 and len(modules) <= 6
