"""Which baselines there are, and why others are not."""

import sys

import pytest

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.encoders.encoded_features import encode_entities
from tfmmrec.evaluation.baselines import all, item_item

NO_EXTRA = "ALS and BPR need tfmmrec[baselines]"
WITH_CONTENT = ["content cosine", "EASE + content", "item-kNN + content"]


def encoded(dataset, features=("genre", "year")):
    return encode_entities(dataset, "items", TrainConfig(features=list(features), quiet=True))


def names(found):
    return [name.split(" (")[0] for name in found.rankers]


@pytest.mark.parametrize("split", ["valid", "test"])
def test_in_a_large_catalog_ease_has_the_most_popular_items(small, split, monkeypatch):
    pytest.importorskip("implicit", reason=NO_EXTRA)
    for module in (all, item_item):
        monkeypatch.setattr(module, "EASE_ITEMS", 4)
    found = all.warm_item_baselines(small, encoded(small), split)
    expected = ["popularity", "recent popularity", "EASE", "item-kNN", "ALS", "BPR", *WITH_CONTENT]
    assert names(found) == expected
    assert list(found.notes) == ["EASE"]
    assert found.notes["EASE"].startswith("of the 4 most popular of 10 items")


def test_without_the_extra_als_and_bpr_are_not_there(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "implicit", None)
    found = all.warm_item_baselines(small, encoded(small), "test")
    assert names(found)[-5:] == ["EASE", "item-kNN", *WITH_CONTENT]
    told = "not run: it needs pip install 'tfmmrec[baselines]'"
    assert found.notes == {"ALS": told, "BPR": told}


def test_a_model_without_features_has_no_baselines_with_content(small, monkeypatch):
    monkeypatch.setattr(all, "available_factorizations", dict)
    found = all.warm_item_baselines(small, encoded(small, features=[]), "test")
    assert names(found) == ["popularity", "recent popularity", "EASE", "item-kNN"]
    assert found.notes["content"] == "not run: the model reads no features of items"


def test_content_that_is_too_large_is_left_out(small, monkeypatch):
    monkeypatch.setattr(all, "_MAX_CONTENT_SIZE", 10)
    found = all.WarmItemBaselines(small, encoded(small), "test").by_content()
    assert not found.rankers
    assert found.notes["content"].startswith("not run: the content takes ")
