"""A small world with a known answer, packed and trained once for all the tests here."""

import json
from pathlib import Path

import pytest

from tests.once import ONCE
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.packing import pack
from tfmmrec.data.synthetic import SyntheticConfig, draw_world, write_world
from tfmmrec.serving.export import export
from tfmmrec.training.train import train

QUIET = PackConfig(quiet=True)
SMALL = SyntheticConfig(num_items=150, num_users=500, picture_size=32, sound_seconds=0.5)


@pytest.fixture(scope="session")
def thresholds() -> dict:
    return json.loads((Path(__file__).parent / "thresholds.json").read_text())


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory) -> Path:
    return write_world(draw_world(SMALL), tmp_path_factory.mktemp("world") / "catalogue").parent


@pytest.fixture(scope="session")
def data(catalogue: Path) -> Path:
    out = catalogue.parent / "data"
    pack(catalogue / "dataset.yaml", out, QUIET)
    return out


@pytest.fixture(scope="session")
def run(data: Path) -> Path:
    out = data.parent / "run"
    train(data, out, TrainConfig(**ONCE, quiet=True))
    return out


@pytest.fixture(scope="session")
def model_dir(run: Path) -> Path:
    out = run.parent / "models" / "world"
    export(run, out, quiet=True)
    return out
