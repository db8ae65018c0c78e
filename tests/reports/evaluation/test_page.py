"""Plots in a page, and what a text of the data could do there."""

import sys
import types

import numpy as np
import pytest

from tfmmrec.reports.bokeh import drawings
from tfmmrec.reports.evaluation import plots

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
    head, divisions = drawings(drawn)
    assert [title for title, _ in divisions] == list(drawn)
    assert EVIL not in head + "".join(body for _, body in divisions)


@pytest.mark.parametrize("valid", [True, False])
def test_learning_curves_with_and_without_valid(valid):
    history = [{"epoch": n, "loss": 1.0 / n, **({"ndcg@10": 0.1} if valid else {})} for n in (1, 2)]
    plot = plots.learning_curves(history, "ndcg@10")
    assert len(plot.renderers) == 1 + valid


def test_what_is_predicted_beside_what_comes():
    bins = ((0.1, 0.2), (0.6, 0.5))
    curve = [{"predicted": said, "observed": came, "events": 5} for said, came in bins]
    plot = plots.calibration(curve)
    # The diagonal, the line and its dots.
    assert len(plot.renderers) == 3
    assert plot.renderers[1].data_source.data["observed"] == [0.2, 0.5]


def test_a_plane_by_principal_components_or_umap(monkeypatch):
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(40, 2)) @ draw.normal(size=(2, 6))
    monkeypatch.setattr(plots.importlib.util, "find_spec", lambda name: None)
    places = plots.project(vectors)
    # Of two dimensions nothing is lost.
    apart = np.linalg.norm(vectors[:1] - vectors, axis=1)
    np.testing.assert_allclose(np.linalg.norm(places[:1] - places, axis=1), apart)
    told = {}

    class Umap:
        def __init__(self, **options):
            told.update(options)

        def fit_transform(self, vectors):
            return np.full((len(vectors), 2), 7.0)

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=Umap))
    monkeypatch.setattr(plots.importlib.util, "find_spec", lambda name: name == "umap")
    assert plots.project(vectors)[0].tolist() == [7.0, 7.0]
    assert told["metric"] == "cosine" and told["random_state"] == 0
    # Fewer items than it asks for neighbours.
    assert plots.project(vectors[:5])[0].tolist() != [7.0, 7.0]
