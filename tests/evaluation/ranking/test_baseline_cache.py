"""Baselines are fitted once per data folder and split, and never read under other conditions."""

import shutil
import types

import numpy as np
import pytest

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.storage import MANIFEST
from tfmmrec.encoders.encoded_features import encode_entities
from tfmmrec.evaluation.baselines import all
from tfmmrec.evaluation.baselines.trivial import random_order
from tfmmrec.evaluation.ranking import segment_result
from tfmmrec.evaluation.ranking.segment_result import rank_segments
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.segments import MODEL


@pytest.fixture
def dataset(small, tmp_path):
    """A data folder of its own, without a cache."""
    shutil.copytree(small.folder, tmp_path / "data", ignore=shutil.ignore_patterns("cache"))
    return Dataset(tmp_path / "data")


@pytest.fixture
def fits(monkeypatch):
    """Counts the fits of baselines by group."""
    counts = {"interactions": 0, "content": 0, "cold": 0}

    def count(group, where, function):
        fit = getattr(where, function)

        def counted(*args):
            counts[group] += 1
            return fit(*args)

        monkeypatch.setattr(where, function, counted)

    count("interactions", all.WarmItemBaselines, "by_interactions")
    count("content", all.WarmItemBaselines, "by_content")
    count("cold", segment_result, "cold_start_baselines")
    # Without libraries that compile or train.
    monkeypatch.setattr(all, "available_factorizations", dict)
    return counts


def rank(dataset, run=0, split="test", seed=0, features=("genre", "year")):
    """Ranks by the baselines and, as the model, by random scores that differ between runs."""
    config = TrainConfig(features=list(features), quiet=True)
    bundle = types.SimpleNamespace(dataset=dataset, items=encode_entities(dataset, "items", config))
    model = random_order(dataset, 100 + run)
    return rank_segments(bundle, model, targets_of(dataset, split), split, seed)


def fitted(interactions, content, cold=None):
    """The counts of `fits`; by default, of cold-start items as many as of warm ones by content."""
    cold = content if cold is None else cold
    return {"interactions": interactions, "content": content, "cold": cold}


def assert_same(first, second):
    """The segments have the same baselines with the same ranks, lists and notes."""
    for own, other in zip(first, second, strict=True):
        assert list(own.ranks) == list(other.ranks) == list(own.lists) == list(other.lists)
        assert own.notes == other.notes
        for name in set(own.ranks) - {MODEL}:
            np.testing.assert_array_equal(own.ranks[name], other.ranks[name])
            np.testing.assert_array_equal(own.lists[name].items, other.lists[name].items)
            np.testing.assert_array_equal(own.lists[name].users, other.lists[name].users)


def test_a_second_run_fits_no_baseline(dataset, fits):
    first = rank(dataset)
    assert [own.name for own in first] == ["warm", "cold"]
    assert sorted(first[0].notes) == ["ALS", "BPR"]
    assert fits == fitted(1, 1)
    second = rank(dataset, run=1)
    assert fits == fitted(1, 1)
    assert_same(first, second)
    assert not np.array_equal(first[0].ranks[MODEL], second[0].ranks[MODEL])


def test_other_conditions_are_fitted_anew(dataset, fits):
    rank(dataset)
    # Content baselines read the features of the run; the others do not.
    rank(dataset, features=["genre"])
    assert fits == fitted(1, 2)
    # On valid there are no cold-start items.
    rank(dataset, split="valid")
    assert fits == fitted(2, 3, cold=2)
    rank(dataset, seed=1)
    assert fits == fitted(3, 4, cold=3)
    # Other data, of which the manifest tells.
    manifest = dataset.folder / MANIFEST
    manifest.write_text(manifest.read_text() + " ")
    rank(dataset)
    assert fits == fitted(4, 5, cold=4)


def test_a_damaged_file_is_fitted_again(dataset, fits):
    whole = rank(dataset)
    for path in (dataset.cache / "baselines").iterdir():
        path.write_bytes(path.read_bytes()[:200])
    assert_same(rank(dataset), whole)
    assert fits == fitted(2, 2)
    rank(dataset)
    assert fits == fitted(2, 2)


def test_a_folder_that_cannot_be_written_is_no_error(dataset, fits):
    dataset.cache.mkdir(exist_ok=True)
    # A file where the folder would be: as on a read-only disk, nothing can be written there.
    (dataset.cache / "baselines").write_text("")
    for times in (1, 2):
        assert rank(dataset)
        assert fits == fitted(times, times)
