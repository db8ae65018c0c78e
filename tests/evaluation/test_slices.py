"""Parts of the targets, by hand."""

import types

import numpy as np

from tfmmrec.data.histories import Histories
from tfmmrec.encoders.cache.encoding_table import Encodings
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.evaluation.metrics.bootstrap import UserBootstrap
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.slices import (
    POPULARITY_CLASSES,
    Slice,
    popularity_classes,
    slices_of,
    summarize_slices,
)


def test_popularity_classes():
    # Of ten choices five are of the first two items, three of the next two.
    counts = np.array([0, 3, 2, 2, 1, 1, 1])
    assert popularity_classes(counts).tolist() == [3, 0, 0, 1, 1, 2, 2]
    assert popularity_classes(np.zeros(3, int)).tolist() == [3, 3, 3]
    assert POPULARITY_CLASSES == ("head", "middle", "tail", "never chosen")


def test_a_catalogue_in_slices(small):
    targets = targets_of(small, "test")
    targets = targets.take(~small.cold_items[targets.item])
    modalities = {name: small.features("items")[name] for name in ("title", "genre")}
    num_items = small.count("items")
    title = np.zeros(num_items, bool)
    title[targets.item[:3]] = True
    encoded = {
        "title": Encodings(np.zeros((num_items, 1)), title),
        "genre": Encodings(np.zeros((num_items, 1), np.int32), np.ones(num_items, bool)),
    }
    # In training nobody chose the first target item, though somebody did later.
    histories = targets.histories
    kept = histories.items != targets.item[0]
    users = np.repeat(np.arange(small.count("users")), np.diff(histories.offsets))[kept]
    offsets = np.append(0, np.cumsum(np.bincount(users, minlength=small.count("users"))))
    bundle = types.SimpleNamespace(
        dataset=small,
        items=EncodedEntities(modalities, {}, encoded),
        histories=Histories(histories.items[kept], offsets),
    )
    found = slices_of(bundle, targets)
    groups = {}
    for part in found:
        groups.setdefault(part.group, []).append(part)
    for name in (
        "popularity of the item",
        "missing modalities of the item",
        "earlier events of the user",
    ):
        assert np.array_equal(
            np.sum([p.rows for p in groups[name]], axis=0), np.ones(len(title[targets.item]))
        )
    [never] = [p.rows for p in groups["popularity of the item"] if p.name == "never chosen"]
    assert np.array_equal(never, targets.item == targets.item[0])
    missing = {part.name: part.rows for part in groups["missing modalities of the item"]}
    assert np.array_equal(missing["none"], title[targets.item])
    assert np.array_equal(missing["text"], ~title[targets.item])
    assert {part.name for part in groups["genre of the item"]} <= set(
        small.categories("items", "genre")
    )


def test_what_is_worse_is_pointed_out_where_enough_says_so():
    values = np.tile([0.0, 1.0], 100)
    low = values == 0.0
    few = low & (np.arange(200) < 40)
    slices = [Slice("kind", "low", low), Slice("kind", "few", few), Slice("kind", "high", ~low)]
    described = summarize_slices(slices, UserBootstrap(np.arange(200)), values)
    assert [part["worse"] for part in described] == [True, False, False]
    assert [part["targets"] for part in described] == [100, 20, 100]
    assert [part["mean"] for part in described] == [0.0, 0.0, 1.0]
    assert summarize_slices([], UserBootstrap(np.arange(200)), values) == []
