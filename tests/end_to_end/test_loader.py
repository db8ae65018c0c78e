"""Every kind of export runs in C++, through the loader that TensorFlow Serving uses."""

import shutil
from pathlib import Path

import pytest

from tfmmrec.config import TrainConfig
from tfmmrec.export import export
from tfmmrec.loader_check import build_loader, compare, run_loader
from tfmmrec.training import train
from tfmmrec.warmup import read_warmup

SOURCES = Path(__file__).parents[2] / "serving" / "loader"
KINDS = {
    "weighted": TrainConfig(epochs=1, quiet=True),
    "concat": TrainConfig(epochs=1, fusion={"kind": "concat"}, quiet=True),
    "without ids": TrainConfig(epochs=1, ids=False, quiet=True),
}


@pytest.fixture(scope="module")
def loader(tmp_path_factory) -> Path:
    if shutil.which("g++") is None:
        pytest.skip("the loader check needs g++, which is not installed")
    return build_loader(SOURCES / "load.cc", tmp_path_factory.mktemp("loader") / "load")


@pytest.mark.parametrize("kind", KINDS)
def test_cpp_and_python_agree(kind: str, loader: Path, data: Path, tmp_path: Path) -> None:
    train(data, tmp_path / "run", KINDS[kind])
    version = export(tmp_path / "run", tmp_path / "model", quiet=True)
    requests = read_warmup(version)
    assert {name for name, _ in requests} == {"serving_default", "encode_items", "search"}
    # The warm-up holds a real text, picture and sound, not only absent ones.
    content = dict(next(inputs for name, inputs in requests if name == "encode_items"))
    assert all(content[name][0] for name in ("title", "picture", "sound"))
    served = run_loader(loader, version, requests, tmp_path)
    plain = run_loader(SOURCES / "load.py", version, requests, tmp_path)
    differences = compare(served, plain, tolerance=1e-5)
    assert set(differences) == {"serving_default", "encode_items", "search"}
