"""Complete searches on a small data folder, in this process and as a command that is killed."""

import dataclasses
import html
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.distribute.worlds import WITHOUT_CHANCE, config
from tests.worlds import shared
from tfmmrec.cli import main
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import DataError
from tfmmrec.models.two_tower import TwoTower
from tfmmrec.reports.tuning.page import write_tuning_page
from tfmmrec.training.train import train
from tfmmrec.tuning import TuneConfig, tune

ROOT = Path(__file__).parents[2]
SPACE: dict[str, Any] = {"dim": [2, 4, 8], "learning_rate": {"min": 0.001, "max": 0.1}}
SHORT: dict[str, Any] = {"search": [], "space": SPACE, "trials": 2, "finalists": 1, "reruns": 1}


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def found(small, tmp_path_factory) -> Path:
    """A search of all components."""

    def search(folder: Path) -> None:
        folder.mkdir()
        given = {**SHORT, "search": None, "space": {"negatives.num_uniform": 0}, "epochs": 1}
        tune(
            small.folder, folder / "tuned", TuneConfig(config(contrastive={}), **given, quiet=True)
        )

    return shared(tmp_path_factory, "searched", search) / "tuned"


def test_a_search_leaves_its_results_and_nothing_else(found) -> None:
    assert sorted(path.name for path in found.iterdir()) == [
        "best.yaml",
        "results.json",
        "tensorboard",
        "trials.jsonl",
    ]
    assert [path.name for path in found.parent.iterdir()] == ["tuned"]
    trials = lines(found)
    assert [trial["stage"] for trial in trials] == ["base", "search", "search", "rerun", "rerun"]
    results = json.loads((found / "results.json").read_text())
    assert results["trials"] == 5 and results["trial"] in (0, 1, 2)
    for trial in trials:
        if "error" not in trial:
            assert trial["seconds"]["total"] >= trial["seconds"]["training"] > 0
            assert len(trial["history"]) == trial["metrics"]["epoch"] == 1


def test_the_page_is_written_from_the_files_of_the_search(found, tmp_path) -> None:
    folder = shutil.copytree(found, tmp_path / "tuned")
    write_tuning_page(folder)
    page = html.unescape((folder / "tuning.html").read_text())
    # The first line of the training file is the verdict.
    verdict, _, best = (folder / "best.yaml").read_text().partition("\n")
    assert verdict.removeprefix("# ") in page and verdict not in page and best in page


def test_trials_are_in_tensorboard(found) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trial = lines(found)[0]
    events = EventAccumulator(str(found / "tensorboard" / "trial-0000"))
    events.Reload()
    [measured] = events.Tensors("best/ndcg@10")
    value = float(tf.make_ndarray(measured.tensor_proto))
    assert value == pytest.approx(trial["metrics"]["ndcg@10"])
    about = events.SummaryMetadata("_hparams_/session_start_info").plugin_data
    assert about.plugin_name == "hparams" and b"fusion.kind" in about.content


def test_the_best_is_a_training_file(found, small, tmp_path) -> None:
    changes = yaml.safe_load((found / "best.yaml").read_text())
    best = json.loads((found / "results.json").read_text())["config"]
    # Options with default values are left out.
    defaults = dataclasses.asdict(TrainConfig())
    assert changes and all(value != defaults[name] for name, value in changes.items())
    arguments = ["train", str(small.folder), "--config", str(found / "best.yaml")]
    assert main([*arguments, "--out", str(tmp_path / "run"), "--epochs", "1", "--quiet"]) == 0
    trained = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert {name: trained[name] for name in ("fusion", "dim", "loss", "negatives")} == {
        name: best[name] for name in ("fusion", "dim", "loss", "negatives")
    }
    # Options that trials replaced are as given.
    assert best["refit"] is False and best["seed"] == 0 and best["epochs"] == 2


def test_the_base_equals_a_training_of_its_file(found, small, tmp_path) -> None:
    train(small.folder, tmp_path / "run", config(contrastive={}, epochs=1))
    metrics = json.loads((tmp_path / "run" / "run.json").read_text())["metrics"]
    [base] = [trial for trial in lines(found) if trial["stage"] == "base"]
    assert base["metrics"]["ndcg@10"] == pytest.approx(metrics["ndcg@10"], abs=1e-6)
    assert base["metrics"]["loss"] == pytest.approx(metrics["loss"], rel=1e-5)


def test_reruns_have_a_jackknife_over_users(found) -> None:
    results = json.loads((found / "results.json").read_text())
    again = [trial for trial in lines(found) if trial["stage"] == "rerun"]
    assert all(trial["stage"] == "rerun" or "jackknife" not in trial for trial in lines(found))
    for trial in again:
        # A user in sixteen each.
        assert len(trial["jackknife"]) == 16
        assert np.mean(trial["jackknife"]) == pytest.approx(trial["metrics"]["ndcg@10"], rel=1e-4)
    # A single seed gives no lead.
    assert results["lead"] is None and results["verdict"]


def make_loss_nan(monkeypatch, *dims: int) -> None:
    """Makes the losses of models with some values of `dim` NaN."""
    compute = TwoTower.compute_loss

    def nan_loss(self, inputs, training=False):
        loss = compute(self, inputs, training)
        return loss * np.nan if training and self.item_tower.dim in dims else loss

    monkeypatch.setattr(TwoTower, "compute_loss", nan_loss)


@pytest.mark.slow
def test_failed_trials_are_recorded_and_the_search_goes_on(small, tmp_path, monkeypatch) -> None:
    """One `dim` has a loss of NaN, and one schedule does not exist."""
    make_loss_nan(monkeypatch, 2)
    space = {"dim": [2, 4], "optimizer.schedule": ["constant", "rising"]}
    options = {**SHORT, "space": space, "tuner": "grid", "trials": None, "reruns": 0}
    tune(small.folder, tmp_path / "tuned", TuneConfig(config(), **options, quiet=True))
    trials = lines(tmp_path / "tuned")
    assert len(trials) == 4
    errors = [trial["error"] for trial in trials if "error" in trial]
    assert sum(error.startswith("the loss was not finite") for error in errors) == 1
    assert sum(error.startswith("optimizer.schedule must be") for error in errors) == 2
    assert (tmp_path / "tuned" / "best.yaml").exists()


@pytest.mark.slow
def test_no_finished_trial_is_an_error_that_leaves_nothing(small, tmp_path, monkeypatch) -> None:
    make_loss_nan(monkeypatch, 2, 4, 8)
    given = config()
    options = {**SHORT, "space": {"dim": [2, 8]}, "trials": 1}
    with pytest.raises(
        DataError, match=r"no trial finished; the first failed with: .* was not finite"
    ):
        tune(small.folder, tmp_path / "tuned", TuneConfig(given, **options, quiet=True))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_hyperband_continues_from_checkpoints(small, tmp_path) -> None:
    options = {**SHORT, "tuner": "hyperband", "trials": 4, "epochs": 3, "reruns": 0}
    tune(small.folder, tmp_path / "tuned", TuneConfig(config(patience=9), **options, quiet=True))
    trials = lines(tmp_path / "tuned")
    longest = {json.dumps(t["values"]): t for t in trials if len(t["history"]) == 3}
    shorter = [t for t in trials if len(t["history"]) == 1]
    goes_on = [t for t in shorter if json.dumps(t["values"]) in longest]
    assert goes_on
    for trial in goes_on:
        assert longest[json.dumps(trial["values"])]["history"][0] == trial["history"][0]


def test_an_existing_folder_is_refused(small, tmp_path) -> None:
    tuned = TuneConfig(config(), **SHORT, quiet=True)
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "mine").touch()
    with pytest.raises(DataError, match="exists already"):
        tune(small.folder, tmp_path / "tuned", tuned)
    (tmp_path / "other.partial").mkdir()
    (tmp_path / "other.partial" / "search.json").write_text('{"format": 3, "options": 1}')
    with pytest.raises(DataError, match="add --resume or remove it"):
        tune(small.folder, tmp_path / "other", tuned)
    with pytest.raises(DataError, match="another config or other data"):
        tune(small.folder, tmp_path / "other", tuned, resume=True)
    (tmp_path / "other.partial" / "search.json").write_text('{"options": 1}')
    with pytest.raises(DataError, match="has tuning format 1, this version reads 3; remove it"):
        tune(small.folder, tmp_path / "other", tuned, resume=True)
    assert (tmp_path / "other.partial" / "search.json").exists()


@pytest.mark.slow
def test_a_killed_search_resumes_without_repeating_a_trial(small, tmp_path) -> None:
    file, out = tmp_path / "tune.yaml", tmp_path / "tuned"
    given = {key: value for key, value in WITHOUT_CHANCE.items() if key != "quiet"}
    file.write_text(yaml.safe_dump({**SHORT, "train": given}))
    command = [sys.executable, "-W", "ignore", "-m", "tfmmrec", "tune", str(small.folder)]
    command += ["--config", str(file), "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    records = tmp_path / "tuned.partial" / "trials"
    deadline = time.monotonic() + 240
    while not records.exists() or len(list(records.glob("*.json"))) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = {path.name: path.read_text() for path in records.glob("*.json")}
    done = subprocess.run([*command, "--resume"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    # Finished trials are not trained again.
    printed = [line.split(":")[0] for line in done.stdout.splitlines() if line.startswith("trial ")]
    assert 5 - len(before) <= len(printed) <= 6 - len(before)
    found = {trial["trial"]: trial for trial in lines(out)}
    assert sorted(found) == list(range(5))
    for text in before.values():
        record = json.loads(text)
        del record["proposed"]
        assert found[record["trial"]] == record
    assert not (tmp_path / "tuned.partial").exists()
