"""Content taken away: from whom, how much, and that the model notices."""

import numpy as np
import tensorflow as tf

from tests.once import ONCE
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.evaluation.measure import measure_model
from tfmmrec.evaluation.missing_modalities import (
    measure_with_missing,
    remove_features_at_random,
    remove_modality,
)
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.variants import VariantTrainer

PRESENT = {
    "title": np.array([True] * 6 + [False] * 4),
    "plot": np.array([True, False] * 4 + [False] * 2),
    "poster": np.ones(10, bool),
}


def test_a_share_of_those_that_have_a_modality_loses_all_of_it():
    # Items 0 to 5 have a title, 0, 2, 4 and 6 a plot: seven have text.
    none = remove_modality(PRESENT, ["title", "plot"], 0.0, seed=0)
    half = remove_modality(PRESENT, ["title", "plot"], 0.5, seed=0)
    everything = remove_modality(PRESENT, ["title", "plot"], 1.0, seed=0)
    for name, here in PRESENT.items():
        np.testing.assert_array_equal(none[name], here)
    text = half["title"] | half["plot"]
    # 0.5 · 7 = 3.5 is rounded to the even 4, which leaves 3.
    assert text.sum() == 3
    np.testing.assert_array_equal(half["title"], PRESENT["title"] & text)
    np.testing.assert_array_equal(half["plot"], PRESENT["plot"] & text)
    assert half["poster"].all()
    assert not everything["title"].any() and not everything["plot"].any()


def test_more_take_from_the_same_items_and_seeds_from_others():
    some = remove_modality(PRESENT, ["poster"], 0.3, seed=1)["poster"]
    more = remove_modality(PRESENT, ["poster"], 0.6, seed=1)["poster"]
    assert (some.sum(), more.sum()) == (7, 4)
    assert not (more & ~some).any()
    others = [
        remove_modality(PRESENT, ["poster"], 0.3, seed=n)["poster"].tolist() for n in range(9)
    ]
    assert len({tuple(other) for other in others}) > 1
    assert PRESENT["poster"].all()


def test_each_feature_is_lost_by_itself():
    present = {"title": np.ones(4000, bool), "poster": np.arange(4000) < 3000}
    left = remove_features_at_random(present, 0.25, seed=0)
    # 0.75 · 4000 = 3000 with a deviation of sqrt(4000 · 0.1875) = 27: four of them.
    assert abs(left["title"].sum() - 3000) < 110
    assert not left["poster"][3000:].any()
    # Of the first 3000, 0.75² = 0.5625 keep both: 1687, deviation 27.
    assert abs((left["title"] & left["poster"]).sum() - 1687) < 110


def test_a_model_is_measured_without_and_gets_its_content_back(small):
    config = TrainConfig(**ONCE, dim=4, epochs=1, batch_size=16, id_embedding=False, quiet=True)
    bundle, _ = VariantTrainer(small, config).train(config)
    whole, vectors = measure_model(bundle), Scorer(bundle.model).item_vectors()
    figures = measure_with_missing(bundle, shares=(1.0,), each=0.3)
    ways = dict.fromkeys(name.rsplit(": ", 1)[0] for name in figures)
    assert list(ways) == [
        "nothing",
        "text of 100% of its items",
        "tables of 100% of its items",
        "each feature with chance 0.3",
    ]
    for name, values in whole.items():
        np.testing.assert_array_equal(figures[f"nothing: {name}"], values)
    np.testing.assert_array_equal(Scorer(bundle.model).item_vectors(), vectors)
    # By hand: no item has its text.
    for name in ("title", "plot"):
        bundle.model.items.present[name] = tf.zeros([10], tf.bool)
    for name, values in measure_model(bundle).items():
        np.testing.assert_array_equal(figures[f"text of 100% of its items: {name}"], values)
    assert np.abs(Scorer(bundle.model).item_vectors() - vectors).max() > 0.01
