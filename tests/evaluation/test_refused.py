"""What evaluation refuses, each with one line that says what to do."""

import json
import shutil

import numpy as np
import pytest
import yaml

from tests.once import ONCE
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.evaluation.ranking.targets import check_no_leakage
from tfmmrec.reports.evaluation.evaluate_run import evaluate_run
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.search import search
from tfmmrec.training.train import train

CONFIG = TrainConfig(**ONCE, dim=4, epochs=1, batch_size=16, quiet=True)


@pytest.fixture
def run(small_run):
    return small_run


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


def test_no_run(tmp_path):
    with pytest.raises(DataError, match=r"not a run folder \(it has no run.json\)"):
        evaluate(tmp_path, quiet=True)


def test_a_run_of_another_version(copy):
    content = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**content, "format": 99}))
    with pytest.raises(DataError, match="has run format 99, this version reads 8; train it again"):
        evaluate(copy, quiet=True)


def test_a_run_without_its_weights(copy):
    shutil.rmtree(copy / "weights")
    with pytest.raises(DataError, match=r"weights cannot be read.*train again"):
        evaluate_run(copy, quiet=True)
    # What was there before is there still, and nothing half.
    assert not list(copy.glob("metrics.*")) and not list(copy.glob("*card*"))


def test_a_run_whose_data_is_gone(copy):
    content = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**content, "data": str(copy / "gone")}))
    with pytest.raises(DataError, match="gone: no such folder; tfmmrec pack writes a data folder"):
        evaluate(copy, quiet=True)


def test_a_split_that_is_none(run):
    with pytest.raises(DataError, match="split 'train' cannot be evaluated; use valid or test"):
        evaluate(run, split="train", quiet=True)


@pytest.mark.parametrize("k", [0, 11])
def test_lists_longer_than_the_catalogue(run, k):
    for ask in (
        lambda: evaluate(run, cutoffs=[3, k], quiet=True),
        lambda: recommend(run, k=k, quiet=True),
        lambda: search(run, text="red", k=k),
    ):
        rule = rf"from 1 to 10, the number of items of .* Received: {k}"
        with pytest.raises(ConfigError, match=rule):
            ask()


def test_cutoffs_that_are_asked_for(copy):
    found = evaluate(copy, cutoffs=[3], quiet=True).metrics["warm"]["model"]
    assert list(found) == ["hr@3", "ndcg@3", "hr@10", "ndcg@10", "mrr"]
    assert evaluate(copy, quiet=True).metrics["warm"]["model"]["hr@10"] == found["hr@10"]
    # Saving the result is up to the caller.
    assert not list(copy.glob("metrics.*")) and not list(copy.glob("ranks.*"))


def test_candidates_that_nobody_knows(run, tmp_path):
    (tmp_path / "some.txt").write_text("i1\nnobody\ni2\nnothing\n")
    with pytest.raises(DataError, match=r"some\.txt: 2 of 4 ids are no items of .* 'nobody'"):
        recommend(run, candidates=tmp_path / "some.txt", quiet=True)


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    """Each user's second choice is to be predicted, and the later ones are in train."""
    folder = tmp_path_factory.mktemp("columns")
    (folder / "items.csv").write_text("id\n" + "".join(f"i{n}\n" for n in range(8)))
    parts = ["train", "test", "train", "train"]
    rows = [
        f"u{u},i{(u + n) % 8},{100 * u + n},{part}"
        for u in range(12)
        for n, part in enumerate(parts)
    ]
    (folder / "log.csv").write_text("\n".join(["user,item,time,part", *rows]) + "\n")
    content = {
        "items": {"table": "items.csv", "id": "id", "features": {}},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": "column", "name": "part"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return folder / "data"


def test_a_past_that_holds_the_future(columns, tmp_path, small):
    train(columns, tmp_path / "run", CONFIG)
    told = "split test: temporal leakage: 12 targets are .* user 'u0' and item 'i1'.*last_out"
    with pytest.raises(DataError, match=told):
        evaluate(tmp_path / "run", quiet=True)
    found = evaluate(tmp_path / "run", allow_leakage=True, quiet=True).metrics
    assert found["verdict"].endswith("; 12 targets have temporal leakage")
    # Last choices have no such past; new items' users are read from all that they did.
    for split in ("valid", "test"):
        check_no_leakage(small, split)
    dataset = Dataset(columns)
    assert np.array_equal(np.unique(dataset.events("test").user), np.arange(12))
