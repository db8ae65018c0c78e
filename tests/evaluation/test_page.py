"""Plots in a page, and what a text of the data could do there."""

import numpy as np
import pytest

from tfmmrec.evaluation import plots
from tfmmrec.evaluation.page import _embedded

EVIL = "</script><script>alert(1)</script>"


def test_texts_of_the_data_stay_texts():
    items = {"name": [EVIL] * 3, "picture": [""] * 3, "shown": ["none"] * 3}
    vectors = np.random.default_rng(0).normal(size=(3, 4))
    group = [{"name": EVIL, "targets": 3, "mean": 0.2, "low": 0.1, "high": 0.3, "worse": True}]
    drawn = {
        "map": plots.item_map(vectors, [EVIL] * 3, items),
        "slices": plots.slices(group, 0.1),
        "popularity": plots.popularity(np.arange(3), np.arange(3), items),
    }
    head, divisions = _embedded(drawn)
    assert list(divisions) == list(drawn)
    assert EVIL not in head + "".join(divisions.values())


@pytest.mark.parametrize("valid", [True, False])
def test_learning_curves_with_and_without_valid(valid):
    history = [{"epoch": n, "loss": 1.0 / n, **({"ndcg@10": 0.1} if valid else {})} for n in (1, 2)]
    plot = plots.learning_curves(history, "ndcg@10")
    assert len(plot.renderers) == 1 + valid
