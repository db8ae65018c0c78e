"""Fixtures of the tests of records/."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

RECORDS = Path(__file__).parents[2] / "records"


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """Returns a function that loads a script of records/ by name; the folder is not a package."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"records_{name}", RECORDS / f"{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Returns an empty folder for a data set in its original format."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder
