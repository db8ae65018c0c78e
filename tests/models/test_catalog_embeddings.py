"""The embeddings of the catalog: one pass gives what each part gives by itself."""

import numpy as np
import pytest
import tensorflow as tf

from tests.once import ONCE
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.layers.unit_length import unit_length
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.catalog_embeddings import catalog_embeddings, in_batches
from tfmmrec.models.closed_form.fit import fit_closed_form
from tfmmrec.models.scorer import Scorer


@pytest.mark.parametrize("pool", ["none", "mean"])
def test_one_pass_gives_what_each_part_gives(small, pool):
    config = TrainConfig(**{**ONCE, "dim": 4, "quiet": True, "pool": pool})
    bundle = build_bundle(small, config)
    fit_closed_form(bundle)
    model, num_items = bundle.model, small.count("items")
    # Ten items in batches of four: the last has two.
    catalog = catalog_embeddings(model, batch_size=4)
    rows = tf.range(num_items)
    features = model.items.gather(rows)
    np.testing.assert_allclose(catalog.item, Scorer(model).item_vectors(), atol=1e-6)
    np.testing.assert_allclose(catalog.item, model.item_vectors(rows), atol=1e-6)
    cold = np.flatnonzero(~model.known.numpy())
    assert len(cold)
    expected = model.item_tower.cold_embeddings(model.items.gather(tf.constant(cold)))
    np.testing.assert_allclose(catalog.item[cold], expected, atol=1e-6)
    content = unit_length(model.item_tower.content(features))
    np.testing.assert_allclose(catalog.content, content, atol=1e-6)
    projections = model.item_tower.projections
    contrastive = projections.contrastive_embedding(*projections.project(features))
    np.testing.assert_allclose(catalog.contrastive, contrastive, atol=1e-6)
    # The genre has a vocabulary, and no vector.
    assert set(catalog.encodings) == {"title", "plot", "year"}
    lengths = np.linalg.norm(catalog.encodings["title"], axis=1)
    np.testing.assert_allclose(lengths, features["title"].present.numpy(), atol=1e-5)


def test_ids_alone_have_no_content(small):
    config = TrainConfig(**{**ONCE, "dim": 4, "quiet": True, "features": []})
    catalog = catalog_embeddings(build_bundle(small, config).model)
    assert catalog.item.shape == (10, 4) and catalog.item.any()
    assert not catalog.content.any()
    assert catalog.contrastive is None and catalog.encodings == {}


def test_batches_are_concatenated_in_structures():
    found = in_batches(
        lambda rows: {"a": tf.constant(rows), "b": (tf.constant(rows[:, np.newaxis]), None)},
        np.arange(5, dtype=np.int32),
        batch_size=2,
    )
    assert found["a"].tolist() == [0, 1, 2, 3, 4]
    assert found["b"][0].shape == (5, 1) and found["b"][1] is None
