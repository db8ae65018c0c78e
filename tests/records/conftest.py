"""What the tests of the recipes share."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

RECORDS = Path(__file__).parents[2] / "records"


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """Loads a script of records/, which is no package, by its name."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"records_{name}", RECORDS / f"{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder for a data set in its original form."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder
