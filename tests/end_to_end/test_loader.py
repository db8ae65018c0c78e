"""Every kind of export runs in C++, through the loader that TensorFlow Serving uses."""

import shutil
from pathlib import Path

import pytest

from tests.once import ONCE
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.serving.export import export
from tfmmrec.serving.loader_check import build_loader, compare, run_loader
from tfmmrec.serving.warmup import read_warmup
from tfmmrec.training.train import train

pytestmark = pytest.mark.slow

SOURCES = Path(__file__).parents[2] / "serving" / "loader"


@pytest.fixture(scope="module")
def loader(tmp_path_factory) -> Path:
    if shutil.which("g++") is None:
        pytest.skip("the loader check needs g++, which is not installed")
    return build_loader(SOURCES / "load.cc", tmp_path_factory.mktemp("loader") / "load")


@pytest.fixture(scope="module", params=["weighted", "concat without ids"])
def version(request, data: Path, model_dir: Path, tmp_path_factory) -> Path:
    if request.param == "weighted":
        return model_dir / "1"
    folder = tmp_path_factory.mktemp("concat")
    config = TrainConfig(
        **ONCE, epochs=1, fusion={"kind": "concat"}, id_embedding=False, quiet=True
    )
    train(data, folder / "run", config)
    return export(folder / "run", folder / "model", quiet=True)


def test_cpp_and_python_agree(version: Path, loader: Path, tmp_path: Path) -> None:
    requests = read_warmup(version)
    assert {name for name, _ in requests} == {"serving_default", "encode_items", "search"}
    # The warm-up holds a real text, picture and sound, not only absent ones.
    content = dict(next(inputs for name, inputs in requests if name == "encode_items"))
    assert all(content[name][0] for name in ("title", "picture", "sound"))
    served = run_loader(loader, version, requests, tmp_path)
    plain = run_loader(SOURCES / "load.py", version, requests, tmp_path)
    differences = compare(served, plain, tolerance=1e-5)
    assert set(differences) == {"serving_default", "encode_items", "search"}
