"""Items that are held out of training choose how cold-start items are embedded."""

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
from tfmmrec.models.closed_form.fit import fit_closed_form, landmarks_of, regression_targets
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.training import own_validation
from tfmmrec.training.cold_start_weights import (
    RIDGE_ALPHAS,
    WEIGHTS,
    ColdStartChoice,
    _select,
    choose_cold_start,
)
from tfmmrec.training.own_validation import with_validation
from tfmmrec.training.train import train

USERS, CHOSEN, NEW = 24, 80, 9


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Dataset:
    """Users choose five of eighty items in turn; nine have no event. A quarter lacks content."""
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


def test_a_tenth_of_the_items_is_held_out_with_all_events(data, capsys):
    num = len(chosen_items(data)) // 10  # fewer than the nine items without events
    view = with_validation(data, config(), quiet=False)
    assert capsys.readouterr().out == (
        f"no valid split: the last event of {view.num_held_out} users is held out to choose the "
        f"epochs; {num} items are held out with all their events to choose how new items are "
        "embedded; the final model is trained on all events\n"
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


def test_items_are_held_out_of_a_valid_split_too(data, capsys):
    split = data.hold_out(np.arange(0, len(data.events("train")), 5))
    view = with_validation(split, config(), quiet=False)
    assert capsys.readouterr().out.startswith("8 items are held out with all their events")
    items = np.flatnonzero(view.cold_items)
    assert np.isin(split.events("valid").item, items).any()
    assert not np.isin(view.events("valid").item, items).any()
    held_out = view.held_out_items.events("valid")
    parts = (view.events("train"), view.events("valid"), held_out)
    assert sum(map(len, parts)) == len(data.events("train"))


@pytest.mark.parametrize(
    "options",
    [
        {"refit": False},
        {"cold_start": {"weight": 0.3, "ridge_alpha": 1}},
        {"features": []},
        {"id_embedding": False},
        {"task": "click"},
    ],
    ids=str,
)
def test_no_item_is_held_out_where_there_is_nothing_to_choose(data, options):
    view = with_validation(data, config(**options), quiet=True)
    assert view.num_held_out == USERS and view.held_out_items is None
    assert not view.cold_items.any()


def test_few_items_are_not_held_out(data, monkeypatch):
    monkeypatch.setattr(own_validation, "MIN_ITEMS", NEW)
    assert with_validation(data, config(), quiet=True).held_out_items is None


def test_each_choice_is_measured_as_a_model_with_it_would_be(data):
    view = with_validation(data, config(), quiet=True)
    bundle = build_bundle(view, config(refit=False))
    fit_closed_form(bundle)
    choices = choose_cold_start(bundle)
    assert {(each.weight, each.ridge_alpha) for each in choices} == {
        (weight, alpha) for weight in WEIGHTS for alpha in RIDGE_ALPHAS
    }
    means = [each.ndcg.mean() for each in choices]
    assert means[1:] == sorted(means[1:], reverse=True)
    targets = targets_of(view.held_out_items, "valid")
    ranked = view.cold_items & bundle.items.has_content(len(view.cold_items))
    targets = targets.take(ranked[targets.item])
    tower = bundle.model.item_tower
    for choice in choices[::4]:
        fit_closed_form(bundle)
        tower.regression.ridge_alpha = choice.ridge_alpha
        landmarks = landmarks_of(bundle)
        counts = bundle.statistics.counts[landmarks]
        tower.regression.fit_coefficients(regression_targets(bundle, landmarks), counts)
        tower.regression.fitted_weight.assign(choice.weight)
        tower.closed_form.cold_scales.assign(choice.scales)
        scorer = Scorer(bundle.model)
        ranker = model_ranker(scorer, scorer.item_vectors(), targets.histories)
        ranks = ranker.ranks(targets, ranked)
        assert ranks.max() <= ranked.sum()
        assert choice.ndcg.mean() == pytest.approx(
            ranking_metrics(ranks, [10])["ndcg@10"], abs=1e-6
        )
    assert choose_cold_start(build_bundle(data, config(refit=False))) == []


def test_of_level_choices_that_with_most_regression_is_taken(data, monkeypatch):
    items = np.repeat(np.arange(10), 5)
    noise = np.random.default_rng(0).normal(scale=0.1, size=50)
    scales = np.ones(4)

    def choice(weight: float, alpha: float, values: np.ndarray) -> ColdStartChoice:
        return ColdStartChoice(weight, alpha, scales, values)

    base = np.full(50, 0.5)
    bundle = build_bundle(data, config(refit=False))
    level = base - 0.001 + noise - noise.mean()
    # The last has the most regression, but is behind for every item.
    found = [choice(0.3, 1.0, base), choice(0.7, 0.3, level), choice(0.7, 1.0, level)]
    found.append(choice(1.0, 3.0, base - 0.1))
    assert _select(bundle, found, items) == 2
    # Of one item in ten, the same difference is noise.
    found[3] = choice(1.0, 3.0, np.where(items == 0, -0.5, base + 0.02))
    assert _select(bundle, found, items) == 3


def test_given_options_are_not_chosen(data):
    given = config(refit=False, cold_start={"ridge_alpha": 2.0})
    bundle = build_bundle(with_validation(data, config(), quiet=True), given)
    fit_closed_form(bundle)
    choices = choose_cold_start(bundle)
    assert {each.weight for each in choices} == set(WEIGHTS)
    assert {each.ridge_alpha for each in choices} == {2.0}
    assert choices[0].config(given).cold_start.weight == choices[0].weight


def test_the_final_model_has_the_best_choice_and_knows_all_items(data, tmp_path: Path, capsys):
    # Trains, since the shared worlds have a valid split or no new items.
    metrics = train(data.folder, tmp_path / "run", config(quiet=False))
    best = metrics["cold_start"][0]
    said = capsys.readouterr()
    assert f"cold_start: weight {best['weight']:g} and ridge_alpha " in said.out
    # A held-out item without content has an id embedding in the end.
    no_content = np.arange(0, CHOSEN + NEW, 4)
    held_out = np.flatnonzero(with_validation(data, config(), quiet=True).cold_items)
    known = np.isin([data.item_rows[f"i{n}"] for n in no_content], chosen_items(data))
    assert np.isin([data.item_rows[f"i{n}"] for n in no_content], held_out).any()
    assert f"{(~known).sum()} items have neither content nor events" in said.err
    loaded = load_run(tmp_path / "run", quiet=True)
    tower = loaded.model.item_tower
    assert loaded.config.cold_start.weight == best["weight"]
    assert loaded.config.cold_start.ridge_alpha == best["ridge_alpha"]
    assert tower.regression.fitted_weight.numpy() == np.float32(best["weight"])
    assert tower.closed_form.describe() == metrics["closed_form"]
    assert tower.closed_form.factors.numpy()[held_out].any(axis=1).all()
    np.testing.assert_array_equal(np.flatnonzero(loaded.model.known), chosen_items(data))
    assert loaded.statistics.counts.sum() == len(data.events("train"))
