"""A small world with a known answer, packed, trained and exported once a session."""

import json
import shutil
from pathlib import Path

import pytest

from tests.once import ONCE_WITH_TERMS
from tests.worlds import shared
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.packing import pack
from tfmmrec.data.synthetic import SyntheticConfig, draw_world, write_world
from tfmmrec.reports.evaluation.evaluate_run import evaluate_run
from tfmmrec.serving.export import export
from tfmmrec.training.train import train

QUIET = PackConfig(quiet=True)
SMALL = SyntheticConfig(num_items=150, num_users=500, picture_size=32, sound_seconds=0.5)


@pytest.fixture(scope="session")
def thresholds() -> dict:
    return json.loads((Path(__file__).parent / "thresholds.json").read_text())


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory) -> Path:
    def write(folder: Path) -> None:
        write_world(draw_world(SMALL), folder)

    return shared(tmp_path_factory, "catalogue", write)


@pytest.fixture(scope="session")
def data(catalogue: Path, tmp_path_factory) -> Path:
    dataset_file = catalogue / "dataset.yaml"
    return shared(tmp_path_factory, "data", lambda out: pack(dataset_file, out, QUIET))


@pytest.fixture(scope="session")
def run(data: Path, tmp_path_factory) -> Path:
    config = TrainConfig(**ONCE_WITH_TERMS, quiet=True)
    return shared(tmp_path_factory, "run", lambda out: train(data, out, config))


@pytest.fixture(scope="session")
def model_dir(run: Path, tmp_path_factory) -> Path:
    return shared(tmp_path_factory, "world", lambda out: export(run, out, quiet=True))


@pytest.fixture(scope="session")
def evaluated(run: Path, tmp_path_factory) -> Path:
    """A folder with a copy of the run, evaluated, and the page in a folder that was not there."""

    def make(folder: Path) -> None:
        shutil.copytree(run, folder / "run")
        report = folder / "there is none yet" / "report.html"
        evaluate_run(folder / "run", report=report, quiet=True)

    return shared(tmp_path_factory, "evaluated", make)
