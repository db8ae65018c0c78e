"""Variants: their features, and that shared encoder outputs do not change their training."""

import dataclasses

import numpy as np
import pytest

from tests.once import ONCE
from tfmmrec.config.contrastive import ContrastiveConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.schema import features_by_modality
from tfmmrec.encoders.encoded_features import encode_entities
from tfmmrec.errors import ConfigError
from tfmmrec.evaluation.measure import measure_model, stack_seeds
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.fit import fit
from tfmmrec.training.variants import VariantTrainer, fusion_variants, with_features

CONFIG = TrainConfig(**ONCE, dim=4, epochs=1, batch_size=16, quiet=True)


@pytest.fixture(scope="module")
def trainer(small) -> VariantTrainer:
    return VariantTrainer(small, CONFIG)


def test_features_are_grouped_by_what_they_are(small):
    assert features_by_modality(small.features("items")) == {
        "text": ["title", "plot"],
        "tables": ["genre", "year"],
    }


def test_the_variants(small):
    variants = fusion_variants(small, dataclasses.replace(CONFIG, seed=3))
    assert {name: config.fusion["kind"] for name, config in variants.items()} == {
        "bilinear": "bilinear",
        "concat": "concat",
        "gated": "gated",
        "transformer": "transformer",
        "weighted": "weighted",
        "late-weighted": "late",
        "late-voting": "late",
        "weighted-pooled": "weighted",
        "only-text": "weighted",
        "only-tables": "weighted",
        "only-ids": "weighted",
        "only-content": "weighted",
    }
    assert variants["late-voting"].fusion["decision"] == "voting"
    assert variants["weighted-pooled"].pool == "mean"
    assert variants["only-text"].features == ["title", "plot"]
    assert variants["only-tables"].features == ["genre", "year"]
    assert (variants["only-ids"].features, variants["only-ids"].id_embedding) == ([], True)
    assert (variants["only-content"].features, variants["only-content"].id_embedding) == (
        None,
        False,
    )
    assert {config.seed for config in variants.values()} == {3}


def test_variants_have_only_features_of_the_config(small):
    variants = fusion_variants(small, dataclasses.replace(CONFIG, features=["plot", "year"]))
    assert variants["only-text"].features == ["plot"]
    assert variants["only-tables"].features == ["year"]


def test_fewer_features_drop_options_that_need_them():
    config = TrainConfig(finetune={"title": {}, "plot": {}}, contrastive={"co_engagement": 0.1})
    assert with_features(config, ["plot"]).finetune == {"plot": {}}
    assert with_features(config, ["plot"]).contrastive.co_engagement == 0.1
    assert with_features(config, []).contrastive == ContrastiveConfig()
    assert with_features(dataclasses.replace(config, finetune=["title"]), ["plot"]).finetune == []


@pytest.mark.slow
def test_shared_outputs_train_the_same_model(small, trainer):
    config = dataclasses.replace(CONFIG, features=["genre", "title"], epochs=2, seed=1)
    trainer.train(CONFIG)
    shared, _ = trainer.train(config)
    alone = build_bundle(small, config)
    fit(alone)
    assert shared.model.item_tower.fusion.names == alone.model.item_tower.fusion.names
    np.testing.assert_array_equal(
        Scorer(shared.model).item_vectors(), Scorer(alone.model).item_vectors()
    )


def test_ids_alone_know_nothing_of_cold_items(small, trainer):
    bundle, _ = trainer.train(with_features(CONFIG, []))
    vectors = Scorer(bundle.model).item_vectors()
    assert not vectors[small.cold_items].any()
    assert vectors[~small.cold_items].any(axis=1).all()


def test_figures_of_a_model(small, trainer):
    bundle, metrics = trainer.train(CONFIG)
    figures = measure_model(bundle, k=3)
    metrics_of = [f"{name}@3" for name in ("hr", "precision", "ndcg", "map")]
    assert list(figures) == [f"{part} {name}" for part in ("warm", "cold") for name in metrics_of]
    targets = targets_of(small, "test")
    cold = small.cold_items[targets.item]
    assert figures["warm hr@3"].shape == (len(np.unique(targets.user[~cold])),)
    assert figures["cold hr@3"].shape == (len(np.unique(targets.user[cold])),)
    # Two cold items: whatever the order, both are within three.
    assert small.cold_items.sum() == 2 and figures["cold hr@3"].all()
    assert metrics["seconds"] > 0
    assert stack_seeds([figures, figures])["warm hr@3"].shape[0] == 2


@pytest.mark.slow
def test_votes_that_are_counted_anew_are_traced_anew(small, trainer):
    fusion = {"kind": "late", "decision": "voting"}
    bundle, _ = trainer.train(dataclasses.replace(CONFIG, fusion=fusion))
    layer = bundle.model.item_tower.fusion
    histories, users = small.histories(["train"]), np.arange(5)
    found = {}
    for vote in ("max", "borda", "reciprocal_rank"):
        layer.vote = vote
        scorer = Scorer(bundle.model)
        [(_, found[vote])] = scorer.scores(scorer.item_vectors(), histories, users)
    # Shares of a list lie in [0, 1]; Σ w / (60 + rank) over weights of sum 1 is at most 1 / 61.
    assert found["borda"].min() >= 0 and 0.5 < found["borda"].max() <= 1
    assert 0 < found["reciprocal_rank"].max() <= 1 / 61 + 1e-6
    assert found["max"].max() < 0  # log-probabilities


def test_permuted_contents_are_those_of_other_items(small):
    items = encode_entities(small, "items", CONFIG)
    permuted = items.permuted(0)
    year, genre = items.encodings["year"], items.encodings["genre"]
    # The years are all different, so that they say whose content a row got.
    order = [year.values.tolist().index(row) for row in permuted.encodings["year"].values.tolist()]
    assert sorted(order) == list(range(10)) != order
    np.testing.assert_array_equal(permuted.encodings["genre"].values, genre.values[order])
    present = items.encodings["title"].present
    assert present.sum() == 8
    assert permuted.encodings["title"].present.tolist() == present[order].tolist()
    assert items.permuted(0).encodings["year"].values.tolist() != year.values.tolist()


@pytest.mark.slow
def test_the_null_permutes_in_another_way_for_each_seed(small):
    trainer = VariantTrainer(small, dataclasses.replace(CONFIG, features=["year"]), permute=0)
    year = encode_entities(small, "items", CONFIG).encodings["year"].values
    found = []
    for seed in (0, 1):
        config = dataclasses.replace(trainer.config, seed=seed)
        items = trainer.train(config)[0].model.items
        found.append(items.gather(np.arange(len(year)))["year"].encoding.numpy())
        np.testing.assert_array_equal(np.sort(found[-1], axis=0), np.sort(year, axis=0))
    assert not np.array_equal(*found)
    assert not np.array_equal(found[0], year)


def test_contents_of_a_trained_encoder_are_not_permuted(small):
    config = dataclasses.replace(CONFIG, finetune=["title"])
    with pytest.raises(ConfigError, match=r"finetune: title: .* cannot be permuted"):
        VariantTrainer(small, config, permute=0).train(config)
