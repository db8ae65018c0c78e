"""Figures that are kept: what was saved is found, under the same circumstances only."""

import dataclasses

import numpy as np
import pytest

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import DataError
from tfmmrec.evaluation.results_cache import ResultsCache, results_key


def test_what_is_saved_is_found(tmp_path):
    kept = ResultsCache(tmp_path / "new" / "folder", "a")
    assert kept.load("weighted") is None
    figures = {"warm hr@10": np.array([[0.0, 1.0]]), "names": np.array(["title"])}
    kept.save("weighted", figures)
    found = kept.load("weighted")
    assert list(found) == list(figures)
    for name, values in figures.items():
        np.testing.assert_array_equal(found[name], values)
    assert [path.name for path in kept.folder.iterdir()] == ["weighted.npz"]


def test_figures_of_other_circumstances_are_refused(tmp_path):
    ResultsCache(tmp_path, "a").save("weighted", {"x": np.zeros(1)})
    with pytest.raises(DataError, match=r"weighted\.npz: was measured with another config"):
        ResultsCache(tmp_path, "b").load("weighted")


def test_circumstances_are_data_config_and_options(small):
    config = TrainConfig(quiet=True)
    key = results_key(small, config, seeds=3)
    assert results_key(small, dataclasses.replace(config, quiet=False), seeds=3) == key
    assert results_key(small, dataclasses.replace(config, dim=8), seeds=3) != key
    assert results_key(small, config, seeds=2) != key
