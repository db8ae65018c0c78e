"""Training: once more on train and valid, with every reader of users."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import yaml

from tfmmrec.config import TrainConfig
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.report import evaluate
from tfmmrec.packing import PackOptions, pack
from tfmmrec.query import READERS
from tfmmrec.recommendation import recommend
from tfmmrec.runs import load_run, read_run
from tfmmrec.training import train
from tfmmrec.watch import Watch

ITEMS, USERS = 12, 16


def write(folder: Path, split: str) -> Path:
    """Users go through the items in turn, from an item of their own; item 11 is only in valid."""
    kinds = "".join(f"{item},k{item % 3}\n" for item in range(ITEMS))
    (folder / "items.csv").write_text("id,kind\n" + kinds)
    rows = ["user,item,time"]
    for user in range(USERS):
        for step in range(6):
            rows.append(f"u{user},{(user + step) % (ITEMS - 1)},{step}")
    rows += [f"v,{item},{time}" for time, item in enumerate([0, 1, 2, 3, 11, 4])]
    (folder / "log.csv").write_text("\n".join(rows) + "\n")
    content = {
        "items": {
            "table": "items.csv",
            "id": "id",
            "features": {"kind": {"modality": "categorical"}},
        },
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": split},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackOptions(quiet=True))
    return folder / "data"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("turns"), "last_out")


def config(**options) -> TrainConfig:
    given = {"dim": 8, "epochs": 3, "batch_size": 16, "quiet": True, **options}
    return TrainConfig(**given)


def known(run: Path) -> set[str]:
    assembly = load_run(run, quiet=True)
    return {assembly.dataset.item_ids[row] for row in np.flatnonzero(assembly.model.known)}


def test_a_refit_knows_what_stands_in_valid(data, tmp_path):
    train(data, tmp_path / "plain", config())
    metrics = train(data, tmp_path / "refit", config(refit=True))
    assert known(tmp_path / "refit") - known(tmp_path / "plain") == {"11"}
    # What valid says is of the model that had not seen it.
    plain = read_run(tmp_path / "plain")["metrics"]
    assert {**metrics, "seconds": 0} == {**plain, "seconds": 0}
    assert read_run(tmp_path / "refit")["config"]["epochs"] == 3
    left = {path.name for path in (tmp_path / "refit").rglob("*") if "checkpoint" in path.name}
    assert left <= {"checkpoint"}


def test_a_refit_is_not_judged_by_what_it_was_trained_on(data, tmp_path):
    train(data, tmp_path / "run", config(refit=True, epochs=1))
    assert evaluate(tmp_path / "run", quiet=True)["warm"]["targets"] == USERS + 1
    for judge in (evaluate, recommend):
        with pytest.raises(DataError, match="split valid: the model was trained on it"):
            judge(tmp_path / "run", split="valid", quiet=True)


def test_a_refit_needs_a_valid_split(tmp_path):
    with pytest.raises(DataError, match="refit: there is no valid split to add"):
        train(write(tmp_path, "none"), tmp_path / "run", config(refit=True, epochs=1))
    assert not (tmp_path / "run.partial").exists()


@pytest.mark.parametrize("stop", [1, 4])
def test_a_refit_that_was_stopped_goes_on(data, tmp_path, monkeypatch, stop):
    train(data, tmp_path / "whole", config(refit=True, patience=3))
    epochs = itertools.count(1)
    before = Watch.on_epoch_end

    def stopping(self, epoch, logs=None):
        before(self, epoch, logs)
        if next(epochs) == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(Watch, "on_epoch_end", stopping)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "run", config(refit=True, patience=3))
    monkeypatch.setattr(Watch, "on_epoch_end", before)
    train(data, tmp_path / "run", config(refit=True, patience=3), resume=True)
    assert known(tmp_path / "run") == known(tmp_path / "whole")
    assert (
        read_run(tmp_path / "run")["metrics"]["epoch"]
        <= read_run(tmp_path / "run")["config"]["epochs"]
    )


@pytest.mark.parametrize("kind", list(READERS.variants))
def test_every_reader_learns_what_comes_next(data, tmp_path, kind):
    options = {"epochs": 40, "learning_rate": 0.01, "patience": 40, "negatives": {"among": "all"}}
    metrics = train(data, tmp_path / "run", config(query={"kind": kind, "dropout": 0.1}, **options))
    # By chance, one of about seven items that are left.
    assert metrics["mrr"] > 0.6


def test_readers_in_order_have_no_way_around_an_event(data, tmp_path):
    with pytest.raises(ConfigError, match="context: a gru reads histories in order; use before"):
        train(data, tmp_path / "run", config(query={"kind": "gru"}, context="around"))


def test_what_is_not_known_of_negatives_is_refused(data, tmp_path):
    with pytest.raises(ConfigError, match="among must be batch or all"):
        train(data, tmp_path / "run", config(negatives={"among": "few"}))
