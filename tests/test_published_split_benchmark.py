"""benchmarks/published_split.py: both protocols on ranks worked out by hand, and its tables."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.evaluation.baselines.history_baselines import Hyperparameters
from tfmmrec.evaluation.ranking.rankers import ScoreRanker
from tfmmrec.training.variants import VariantTrainer

ROOT = Path(__file__).parents[1]
# By user, the items of each split, of eight. Item 7 is in no history.
EVENTS = {
    "a": {"train": [0, 1], "valid": [2], "test": [3, 4, 5]},
    "b": {"train": [0], "valid": [], "test": [7]},
    "c": {"train": [1, 2], "valid": [3], "test": []},
}
# Items 0, 1, … are best for both users.
SCORES = -np.arange(8.0)


@pytest.fixture(scope="module")
def benchmark():
    path = ROOT / "benchmarks" / "published_split.py"
    spec = importlib.util.spec_from_file_location("published_split", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def packed(folder: Path, events) -> Dataset:
    rows = [
        {"user_id": user, "item_id": item, "split": split}
        for user, parts in events.items()
        for split, items in parts.items()
        for item in items
    ]
    dataset = write_catalog(
        folder / "catalog",
        name="split",
        items=[{"item_id": item, "image": [item / 8, 1.0]} for item in range(8)],
        item_features={"image": {"modality": "vector", "dim": 2}},
        interactions=rows,
        interaction_columns={"user": "user_id", "item": "item_id"},
        split={"by": "column", "name": "split"},
    )
    pack(dataset, folder / "data")
    return Dataset(folder / "data")


def measured(benchmark, data, protocol, k):
    targets = benchmark.protocol_targets(data, protocol)
    ranker = ScoreRanker.of(np.tile(SCORES, [data.count("users"), 1]))
    return benchmark.measure(targets, ranker, data.count("items"), k)


def test_only_items_in_train_are_masked_in_the_published_protocol(benchmark, tmp_path):
    found = measured(benchmark, packed(tmp_path, EVENTS), "published", 2)
    # a ranks 2, 3, 4, 5, 6, 7: the test items are at 2, 3 and 4, one hit in the top 2.
    # b ranks 1, …, 7: the test item is at 7.
    np.testing.assert_allclose(found["hr@2"], [1 / 3, 0])
    np.testing.assert_allclose(found["precision@2"], [1 / 2, 0])
    # IDCG of min(2, 3) hits.
    ideal = 1 + 1 / math.log2(3)
    np.testing.assert_allclose(found["ndcg@2"], [1 / math.log2(3) / ideal, 0])


def test_items_in_valid_are_masked_too_in_our_protocol(benchmark, tmp_path):
    found = measured(benchmark, packed(tmp_path, EVENTS), "tfmmrec", 2)
    # a ranks 3, 4, 5, 6, 7: the test items are at 1, 2 and 3.
    np.testing.assert_allclose(found["hr@2"], [2 / 3, 0])
    np.testing.assert_allclose(found["precision@2"], [1, 0])
    np.testing.assert_allclose(found["ndcg@2"], [1, 0])


def test_a_cutoff_beyond_the_number_of_test_items(benchmark, tmp_path):
    found = measured(benchmark, packed(tmp_path, EVENTS), "published", 7)
    np.testing.assert_allclose(found["hr@7"], [1, 1])
    np.testing.assert_allclose(found["precision@7"], [3 / 7, 1 / 7])
    # a: ranks 2, 3, 4, ideally 1, 2, 3. b: rank 7, ideally 1.
    gains = 1 / np.log2(np.arange(2, 6))
    np.testing.assert_allclose(found["ndcg@7"], [gains[1:].sum() / gains[:3].sum(), 1 / 3])


def test_a_test_item_that_is_in_train_counts_as_missed(benchmark, tmp_path):
    events = {**EVENTS, "b": {"train": [0], "valid": [], "test": [0, 1]}}
    found = measured(benchmark, packed(tmp_path, events), "published", 1)
    # b ranks 1, …, 7: item 1 is a hit, item 0 is masked.
    np.testing.assert_allclose(found["hr@1"], [0, 1 / 2])
    np.testing.assert_allclose(found["ndcg@1"], [0, 1])


def test_baselines_are_fitted_to_what_the_protocol_knows(benchmark, tmp_path):
    data = packed(tmp_path, EVENTS)
    best = {"EASE": Hyperparameters(1.0, 1.0), "item-kNN": Hyperparameters(10.0, 1.0)}
    found = {
        protocol: benchmark.measure_baselines(data, protocol, best, 1)
        for protocol in benchmark.PROTOCOLS
    }
    assert list(found["published"]) == ["popularity", "EASE (1)", "item-kNN (10)"]
    # In train, items 0 and 1 have two events, item 2 one and the others none; valid adds one of
    # item 2 and one of item 3. published: a ranks item 2 first, which is not in test. tfmmrec: a
    # ranks item 3 first.
    assert found["published"]["popularity"]["hr@1"][0] == 0
    assert found["tfmmrec"]["popularity"]["hr@1"][0] == pytest.approx(1 / 3)


def test_intervals_have_four_decimals(benchmark):
    interval = benchmark.Interval(0.00471, 0.00449, 0.00502)
    assert benchmark.cell(interval) == "0.0047 [0.0045, 0.0050]"
    assert benchmark.cell(benchmark.Interval(0.00471, None, None), "+") == "+0.0047"


@pytest.fixture
def world(tmp_path):
    """Twelve users with random items, and a training of one epoch."""
    items = np.random.default_rng(0).permuted(np.tile(np.arange(8), [12, 1]), axis=1).tolist()
    events = {
        f"u{user}": {"train": row[:4], "valid": row[4:5], "test": row[5:6]}
        for user, row in enumerate(items)
    }
    return packed(tmp_path, events)


@pytest.mark.slow
@pytest.mark.parametrize(("refit", "fitted"), [("true", "train and valid"), ("false", "train")])
def test_it_prints_a_table_per_protocol(benchmark, world, tmp_path, capsys, refit, fitted):
    config = tmp_path / "train.yaml"
    config.write_text(f"{{dim: 4, epochs: 1, query: {{kind: mean}}, refit: {refit}}}")
    for _ in range(2):  # the second time, the metrics are cached
        benchmark.main(world.folder, out=tmp_path / "out", config=config, seeds=1, k=2)
        printed = capsys.readouterr().out
        rows = [line.split(" ")[1] for line in printed.splitlines() if line.startswith("| ")]
        rows = [row for row in rows if row not in ("", "---", "|")]
        assert rows == ["model", "popularity", "EASE", "item-kNN"] * 2
        assert "published: the model is fitted to train, the baselines to train;" in printed
        assert f"tfmmrec: the model is fitted to {fitted}, the baselines to train and" in printed
        assert printed.count("means of 12 users; NDCG@2 of the seeds: ") == 2


@pytest.mark.slow
def test_the_refitted_model_is_that_of_a_training(benchmark, world):
    config = TrainConfig(dim=4, epochs=2, query={"kind": "mean"}, quiet=True)
    bundle, _ = VariantTrainer(world, config).train(config)
    expected = benchmark.measure_bundle(bundle, "tfmmrec", 3)
    found = benchmark.train(VariantTrainer(world, config), config, 3)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
