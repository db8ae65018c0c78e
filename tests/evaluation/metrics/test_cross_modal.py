"""Retrieval across modalities, on vectors that are written down."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.evaluation.metrics.cross_modal import (
    items_with,
    retrieval_ranks,
    retrieval_recall,
    vectors_of,
)
from tfmmrec.layers.feature_projections import FeatureProjections
from tfmmrec.models.feature_table import FeatureTable


def bundle(present: dict[str, list[bool]]) -> SimpleNamespace:
    """Two texts, a picture and a year of four items, projected with fresh weights."""
    rng = np.random.default_rng(0)
    encoded = {
        name: Encodings(rng.normal(size=[4, 3]).astype(np.float32), np.array(here))
        for name, here in present.items()
    }
    kinds = {"title": "text", "plot": "text", "poster": "image", "year": "number"}
    projections = FeatureProjections([FeatureInfo(n, 3, kind=kinds[n]) for n in present], 5)
    tower = SimpleNamespace(projections=projections)
    return SimpleNamespace(
        model=SimpleNamespace(item_tower=tower, items=FeatureTable(encoded)),
        items=SimpleNamespace(encodings=encoded),
    )


def given() -> SimpleNamespace:
    return bundle(
        {
            "title": [True, True, False, True],
            "plot": [True, False, True, True],
            "poster": [True, True, True, False],
            "year": [True] * 4,
        }
    )


def test_items_with_both_modalities():
    everything = np.ones(4, bool)
    assert items_with(given(), ("text", "image"), everything).tolist() == [0, 1, 2]
    assert items_with(given(), ("text",), everything).tolist() == [0, 1, 2, 3]
    assert items_with(given(), ("text", "image"), np.array([False, True, True, True])).tolist() == [
        1,
        2,
    ]
    assert items_with(given(), ("text", "audio"), everything).tolist() == []


def test_a_vector_is_what_one_modality_says():
    world = given()
    table = world.model.items.gather(tf.range(4))
    projected, _ = world.model.item_tower.projections.project(table)
    title, plot, poster, _ = np.moveaxis(projected.numpy(), 1, 0)
    both = (title[0] + plot[0]) / np.linalg.norm(title[0] + plot[0])
    # Item 0 has both texts, item 1 the title alone, item 2 the plot.
    found = vectors_of(world, "text", np.arange(3))
    np.testing.assert_allclose(found, [both, title[1], plot[2]], atol=1e-6)
    np.testing.assert_allclose(vectors_of(world, "image", np.array([2])), poster[2:3], atol=1e-6)


def test_ranks_by_hand():
    candidates = np.eye(3)
    queries = np.array([[0.8, 0.6, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    # Query 1 finds candidate 0 before its own.
    assert retrieval_ranks(queries, candidates).tolist() == [1.0, 2.0, 1.0]
    # A space that has collapsed: all level, (3 + 1) / 2.
    assert retrieval_ranks(np.ones([3, 2]), np.ones([3, 2])).tolist() == [2.0] * 3


def test_recall_of_the_pairs_that_enough_items_have(monkeypatch):
    vectors = {"text": np.eye(3)[[0, 0, 2]], "image": np.eye(3)}
    monkeypatch.setattr(
        "tfmmrec.evaluation.metrics.cross_modal.vectors_of",
        lambda _, modality, rows: vectors[modality],
    )
    everything = np.ones(4, bool)
    figures = retrieval_recall(given(), everything, k=1, min_items=3)
    assert list(figures) == ["image → text", "text → image"]
    # Text 1 says what picture 0 shows: it is level with no other, behind picture 0.
    assert figures["text → image"].tolist() == [1.0, 0.0, 1.0]
    # Texts 0 and 1 are level for picture 0, rank 1.5; for picture 1, all three are, rank 2.
    assert figures["image → text"].tolist() == [0.0, 0.0, 1.0]
    assert retrieval_recall(given(), everything, k=1, min_items=4) == {}


def test_items_without_features_have_no_vectors():
    world = given()
    world.model.item_tower.projections = None
    with pytest.raises(ValueError, match="no features"):
        vectors_of(world, "text", np.arange(3))
