"""The whole job on a world whose right answer is known."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfmmrec.models.bundle
from tests.once import ONCE, ONCE_WITH_TERMS
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.errors import DataError
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.search import search
from tfmmrec.training.fit import fit
from tfmmrec.training.train import train
from tfmmrec.tuning import TuneConfig, tune

# For tests of what goes on around a training, whatever it reads.
FEW: dict[str, Any] = {**ONCE, "features": ["title", "genres"]}


def _cold_ndcg(dataset_file: Path, folder: Path, cache: Path) -> float:
    """NDCG@10 of items that training never met, ranked among themselves."""
    pack(dataset_file, folder / "data", PackConfig(quiet=True))
    config = TrainConfig(**ONCE_WITH_TERMS, epochs=12, cache=str(cache), quiet=True)
    train(folder / "data", folder / "run", config)
    return evaluate(folder / "run", quiet=True).metrics["cold"]["model"]["ndcg@10"]


def test_the_model_beats_popularity(evaluated: Path, thresholds: dict) -> None:
    warm = json.loads((evaluated / "run" / "metrics.test.json").read_text())["warm"]
    bound = thresholds["synthetic"]["model_over_popularity_ndcg@10"]
    assert warm["model"]["ndcg@10"] >= bound * warm["popularity"]["ndcg@10"]
    assert warm["popularity"]["ndcg@10"] > warm["random"]["ndcg@10"]


@pytest.mark.slow
def test_cold_items_are_placed_by_their_media(
    catalogue: Path, data: Path, tmp_path: Path, thresholds: dict
) -> None:
    """Against the null of the same catalogue with the media permuted between its items."""
    rows = [json.loads(line) for line in (catalogue / "items.jsonl").open()]
    order = np.random.default_rng(0).permutation(len(rows))
    permuted = [
        {**rows[other], "item_id": row["item_id"]} for row, other in zip(rows, order, strict=True)
    ]
    table = "".join(json.dumps(row) + "\n" for row in permuted)
    (catalogue / "permuted.jsonl").write_text(table)
    text = (catalogue / "dataset.yaml").read_text() + "\ncold_items: {share: 0.2}\n"
    (catalogue / "cold.yaml").write_text(text)
    (catalogue / "null.yaml").write_text(text.replace("items.jsonl", "permuted.jsonl"))
    # All have the same media, which are encoded once.
    placed = _cold_ndcg(catalogue / "cold.yaml", tmp_path / "cold", data / "cache")
    null = _cold_ndcg(catalogue / "null.yaml", tmp_path / "null", data / "cache")
    print(f"cold NDCG@10 {placed:.3f}, with the media permuted {null:.3f}")
    assert null <= thresholds["synthetic"]["permuted_over_model_ndcg@10"] * placed


def test_evaluate_and_recommend_agree(run: Path, data: Path) -> None:
    dataset = Dataset(data)
    test = dataset.events("test")
    chosen = dict(zip(test.user, test.item, strict=True))
    lines = recommend(run, k=10, split="test", quiet=True)
    assert [line["user"] for line in lines] == dataset.user_ids
    past = dataset.histories(["train", "valid"])
    hits = 0
    for user, line in enumerate(lines):
        rows = [dataset.item_rows[item] for item in line["items"]]
        assert len(set(rows)) == 10
        assert not set(rows) & set(past.of_user(user).tolist())
        assert line["scores"] == sorted(line["scores"], reverse=True)
        hits += chosen.get(user) in rows
    hit_rate = evaluate(run, quiet=True).metrics["warm"]["model"]["hr@10"]
    assert hits / len(chosen) == pytest.approx(hit_rate)


def test_batches_answer_alike_and_decode_no_user(run: Path, data: Path, monkeypatch) -> None:
    names = Dataset(data).user_ids[:7]

    def refuse(dataset: Dataset, side: str, *rest, **options):
        raise AssertionError(f"decodes the {side}, whose encodings are stored")

    monkeypatch.setattr(Dataset, "values", refuse)
    whole = recommend(run, users=",".join(names), k=3, quiet=True)
    monkeypatch.setattr("tfmmrec.serving.batch_ranker._USERS", 3)
    assert [line["items"] for line in recommend(run, users=",".join(names), k=3, quiet=True)] == [
        line["items"] for line in whole
    ]


def test_candidates_and_users_without_history(run: Path, data: Path, tmp_path: Path) -> None:
    dataset = Dataset(data)
    candidates = tmp_path / "candidates.txt"
    candidates.write_text("\n".join(dataset.item_ids[:7]))
    known = dataset.user_ids[0]
    lines = recommend(run, users=f"{known},somebody new", k=20, candidates=candidates, quiet=True)
    assert [line["user"] for line in lines] == [known, "somebody new"]
    assert set(lines[1]["items"]) == set(dataset.item_ids[:7])
    assert set(lines[0]["items"]) <= set(dataset.item_ids[:7])


def test_a_long_list_of_users_is_no_file_name(run: Path, data: Path) -> None:
    names = Dataset(data).user_ids[:100]
    lines = recommend(run, users=",".join(names), k=1, quiet=True)
    assert [line["user"] for line in lines] == names


def test_search_finds_an_item_by_its_own_content(run: Path, data: Path, catalogue: Path) -> None:
    dataset = Dataset(data)
    rows = [json.loads(line) for line in (catalogue / "items.jsonl").open()]
    complete = next(r for r in rows if r.get("title") and r.get("picture") and r.get("sound"))
    item = complete["item_id"]
    assert item in dataset.item_rows
    found = [
        search(run, text=complete["title"], k=3),
        search(run, image=catalogue / complete["picture"], k=3),
        search(run, audio=catalogue / complete["sound"], k=3),
    ]
    for answer in found:
        assert item in [entry["item"] for entry in answer]
        assert len(answer) == 3
    # The item itself is left out.
    assert item not in [entry["item"] for entry in search(run, item=item, k=len(rows))]


@pytest.mark.slow
def test_a_stopped_training_goes_on(data: Path, tmp_path: Path) -> None:
    config = TrainConfig(**FEW, epochs=2, patience=10, quiet=True)
    bundle = tfmmrec.models.bundle.build_bundle(Dataset(data), config)
    (tmp_path / "run.partial").mkdir()
    fit(bundle, tmp_path / "run.partial")
    first = json.loads((tmp_path / "run.partial" / "history.json").read_text())
    more = dataclasses.replace(config, epochs=4)
    with pytest.raises(DataError, match="--resume"):
        train(data, tmp_path / "run", more)
    train(data, tmp_path / "run", more, resume=True)
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4]
    assert history[:2] == first
    # The weights went on from where they were: the loss did not start again.
    assert history[2]["loss"] < first[0]["loss"]
    assert not (tmp_path / "run.partial").exists()


@pytest.mark.slow
def test_the_weights_that_tuning_finds_are_trained_with(data: Path, tmp_path: Path) -> None:
    space = {"fusion.kind": "weighted", "fusion.weighted.weights": "searched"}
    options: dict[str, Any] = {"search": ["fusion"], "space": space, "trials": 2, "epochs": 1}
    config = TuneConfig(TrainConfig(**FEW), **options, reruns=0, quiet=True)
    found = tune(data, tmp_path / "tuned", config)
    lines = (tmp_path / "tuned" / "trials.jsonl").read_text().splitlines()
    trials = [json.loads(line) for line in lines]
    assert len(trials) == 3
    best = max(trials, key=lambda trial: trial["metrics"]["ndcg@10"])
    assert found["trial"] == best["trial"]
    from tfmmrec.cli import main

    arguments = ["train", str(data), "--config", str(tmp_path / "tuned" / "best.yaml")]
    arguments += ["--out", str(tmp_path / "run"), "--epochs", "1", "--quiet", "--refit", "false"]
    assert main(arguments) == 0
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["config"]["fusion"] == found["config"]["fusion"]
    assert run["metrics"]["ndcg@10"] == pytest.approx(best["metrics"]["ndcg@10"], abs=1e-4)
