"""Items that are held out of training choose the weight of the cold-start regression."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.once import SMALL_TRAINING
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.evaluation.metrics.ranking import ranking_metrics
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.cold_start.fit import fit_cold_start
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.training import cold_start_weight, own_validation
from tfmmrec.training.cold_start_weight import measure_weights
from tfmmrec.training.own_validation import with_validation
from tfmmrec.training.train import train

USERS, CHOSEN, NEW = 12, 40, 9


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Dataset:
    """Users choose five of forty items in turn; nine have no event. A quarter lacks content."""
    folder = tmp_path_factory.mktemp("new_items")
    items = [f"i{n},k{n % 3},{n}" if n % 4 else f"i{n},," for n in range(CHOSEN + NEW)]
    log = [f"u{u},i{(4 * u + 3 * n) % CHOSEN},{n}" for u in range(USERS) for n in range(5)]
    (folder / "items.csv").write_text("\n".join(["id,kind,year", *items]) + "\n")
    (folder / "log.csv").write_text("\n".join(["user,item,time", *log]) + "\n")
    features = {"kind": {"modality": "categorical"}, "year": {"modality": "number"}}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": "none"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


@pytest.fixture(autouse=True)
def few_items(monkeypatch):
    monkeypatch.setattr(own_validation, "MIN_ITEMS", 4)


def config(**options) -> TrainConfig:
    return TrainConfig(**{**SMALL_TRAINING, "refit": True, "epochs": 1, **options})


def chosen_items(dataset: Dataset) -> np.ndarray:
    return np.unique(dataset.events("train").item)


def test_a_fifth_of_the_items_is_held_out_with_all_events(data, capsys):
    num = len(chosen_items(data)) // 5  # fewer than the nine items without events
    view = with_validation(data, config(), quiet=False)
    assert capsys.readouterr().out == (
        f"no valid split: the last event of {view.num_held_out} users is held out to choose the "
        f"epochs, and {num} items with all their events to choose cold_start.weight; the final "
        "model is trained on all events\n"
    )
    items = np.flatnonzero(view.cold_items)
    assert len(items) == num and set(items) < set(chosen_items(data))
    for split in ("train", "valid"):
        assert not np.isin(view.events(split).item, items).any()
    assert view.held_out_items is not None
    held_out = view.held_out_items.events("valid")
    np.testing.assert_array_equal(np.unique(held_out.item), items)
    parts = (view.events("train"), view.events("valid"), held_out)
    assert sum(map(len, parts)) == len(data.events("train"))
    assert view.whole is data and not data.cold_items.any() and data.held_out_items is None
    again = with_validation(data, config(seed=5), quiet=True)
    np.testing.assert_array_equal(again.cold_items, view.cold_items)


@pytest.mark.parametrize(
    "options",
    [
        {"refit": False},
        {"cold_start": {"weight": 0.3}},
        {"features": []},
        {"id_embedding": False},
        {"task": "click"},
    ],
    ids=str,
)
def test_no_item_is_held_out_where_there_is_no_weight_to_choose(data, options):
    view = with_validation(data, config(**options), quiet=True)
    assert view.num_held_out == USERS and view.held_out_items is None
    assert not view.cold_items.any()


def test_few_items_are_not_held_out(data, monkeypatch):
    monkeypatch.setattr(own_validation, "MIN_ITEMS", NEW)
    assert with_validation(data, config(), quiet=True).held_out_items is None


def test_each_weight_is_measured_as_a_model_with_it_would_be(data, monkeypatch):
    view = with_validation(data, config(), quiet=True)
    bundle = build_bundle(view, config(refit=False))
    regression = bundle.model.item_tower.regression
    fit_cold_start(bundle)
    assert regression.fitted_weight.numpy() == np.float32(0.3)
    measured = measure_weights(bundle)
    assert regression.fitted_weight.numpy() == np.float32(0.3)
    assert list(measured) == [0.1, 0.3, 0.5, 0.7, 1.0]
    scorer, targets = Scorer(bundle.model), targets_of(view.held_out_items, "valid")
    for weight, value in measured.items():
        regression.fitted_weight.assign(weight)
        ranker = model_ranker(scorer, scorer.item_vectors(), targets.histories)
        ranks = ranker.ranks(targets, view.cold_items)
        assert ranks.max() <= view.cold_items.sum()
        assert value == pytest.approx(ranking_metrics(ranks, [10])["ndcg@10"], abs=1e-6)
    assert measure_weights(build_bundle(data, config(refit=False))) == {}
    # A sample of many targets is always the same.
    monkeypatch.setattr(cold_start_weight, "MAX_TARGETS", 5)
    assert measure_weights(bundle) == measure_weights(bundle)


def test_the_final_model_has_the_best_weight_and_knows_all_items(data, tmp_path: Path, capsys):
    # Trains, since the shared worlds have a valid split or no new items.
    metrics = train(data.folder, tmp_path / "run", config(quiet=False))
    measured = metrics["cold_start_weights"]
    best = max(measured, key=measured.get)
    said = capsys.readouterr()
    assert f"cold_start.weight: {float(best):g}, by ndcg@10 on " in said.out
    # A held-out item without content has an id embedding in the end.
    no_content = np.arange(0, CHOSEN + NEW, 4)
    held_out = np.flatnonzero(with_validation(data, config(), quiet=True).cold_items)
    known = np.isin([data.item_rows[f"i{n}"] for n in no_content], chosen_items(data))
    assert np.isin([data.item_rows[f"i{n}"] for n in no_content], held_out).any()
    assert f"{(~known).sum()} items have neither content nor events" in said.err
    loaded = load_run(tmp_path / "run", quiet=True)
    assert loaded.config.cold_start.weight == float(best)
    assert loaded.model.item_tower.regression.fitted_weight.numpy() == np.float32(best)
    np.testing.assert_array_equal(np.flatnonzero(loaded.model.known), chosen_items(data))
    assert loaded.statistics.counts.sum() == len(data.events("train"))
