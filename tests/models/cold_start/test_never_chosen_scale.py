"""Items of the catalog that nobody chose are scaled down; new items are not."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.once import ONCE
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.models.bundle import ModelBundle, build_bundle
from tfmmrec.models.cold_start.never_chosen_scale import (
    fit_never_chosen_scale,
    share_of_never_chosen,
)
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.train import train

ITEMS, CHOSEN = 20, 6


def write(folder: Path, rows: list[str]) -> Dataset:
    """Twenty items of two kinds, so that content does not tell which of them are chosen."""
    folder.mkdir()
    items = "".join(f"i{n},k{n % 2}\n" for n in range(ITEMS))
    (folder / "items.csv").write_text("id,kind\n" + items)
    (folder / "log.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    features = {"kind": {"modality": "categorical"}}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": "none"},
        "cold_items": {"share": 0.1},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Dataset:
    """Twelve users choose three of the first six items each."""
    folder = tmp_path_factory.mktemp("never_chosen") / "few"
    return write(folder, [f"u{u},i{(u + n) % CHOSEN},{n}" for u in range(12) for n in range(3)])


def bundle_of(data: Dataset) -> ModelBundle:
    return build_bundle(data, TrainConfig(**ONCE, dim=8, quiet=True))


def test_the_share_is_of_as_many_answers_as_there_are_chosen_items():
    none = -np.inf
    # The first user has two chosen candidates, of which the best two answers hold one; the second
    # user has one, which is the best answer.
    chosen = np.array([[5.0, 1.0, none], [3.0, none, none]])
    never_chosen = np.array([[4.0, 2.0, 0.0], [2.0, 1.0, none]])
    assert share_of_never_chosen(chosen, never_chosen) == pytest.approx(1 / 3)
    assert share_of_never_chosen(chosen, never_chosen * 0.2) == 0


def test_never_chosen_items_are_those_that_training_could_have_seen(data):
    statistics = bundle_of(data).statistics
    chosen = np.isin(data.item_ids, [f"i{n}" for n in range(CHOSEN)])
    assert data.cold_items.any()
    np.testing.assert_array_equal(statistics.never_chosen, ~chosen & ~data.cold_items)
    np.testing.assert_array_equal(statistics.counts > 0, chosen & ~data.cold_items)


def test_they_make_room_for_chosen_items(data):
    bundle = bundle_of(data)
    scorer, never_chosen = Scorer(bundle.model), bundle.statistics.never_chosen
    vectors = scorer.item_vectors()
    found = fit_never_chosen_scale(bundle, scorer, vectors)
    scale = float(bundle.model.item_tower.never_chosen_scale.numpy())
    assert 0.05 <= scale < 1
    np.testing.assert_array_equal(found[~never_chosen], vectors[~never_chosen])
    np.testing.assert_allclose(found[never_chosen], scale * vectors[never_chosen], rtol=1e-5)
    # The model has the scale as well, and is fitted to the same one again.
    np.testing.assert_allclose(scorer.item_vectors(), found, rtol=1e-5)
    np.testing.assert_allclose(fit_never_chosen_scale(bundle, scorer, found), found, rtol=1e-5)


def test_where_events_go_to_new_items_they_keep_their_scores(tmp_path):
    # Each item has one event, so that the next one is of a new item.
    data = write(tmp_path / "new", [f"u{n},i{n},1" for n in range(CHOSEN)])
    bundle = bundle_of(data)
    scorer = Scorer(bundle.model)
    vectors = scorer.item_vectors()
    np.testing.assert_array_equal(fit_never_chosen_scale(bundle, scorer, vectors), vectors)


def test_without_never_chosen_items_nothing_is_done(small):
    bundle = bundle_of(small)
    vectors = Scorer(bundle.model).item_vectors()
    assert not bundle.statistics.never_chosen.any()
    assert fit_never_chosen_scale(bundle, Scorer(bundle.model), vectors) is vectors


def test_a_run_keeps_the_scale(data, tmp_path):
    config = TrainConfig(**ONCE, dim=4, epochs=1, quiet=True)
    train(data.folder, tmp_path / "run", config)
    bundle = load_run(tmp_path / "run", quiet=True)
    tower, never_chosen = bundle.model.item_tower, bundle.statistics.never_chosen
    assert never_chosen.sum() >= ITEMS - CHOSEN - 2
    scorer = Scorer(bundle.model)
    vectors = scorer.item_vectors()
    np.testing.assert_allclose(bundle.catalog().item, vectors, atol=1e-6)
    lengths = np.linalg.norm(vectors[:, : tower.width], axis=1)
    assert lengths[never_chosen].max() <= tower.never_chosen_scale.numpy() + 1e-5
    np.testing.assert_allclose(lengths[bundle.statistics.counts > 0], 1, atol=1e-5)
