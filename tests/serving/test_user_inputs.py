"""The inputs of users of the data folder, and the items that are left out for them."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.serving.user_inputs import KnownUsers

# User u views i0, skips i1 and buys i2 in train, skips i3 and i2 in valid, and buys i4 in test.
EVENTS = [
    ("i0", "view", "train"),
    ("i1", "skip", "train"),
    ("i2", "buy", "train"),
    ("i3", "skip", "valid"),
    ("i2", "skip", "valid"),
    ("i4", "buy", "test"),
]


@pytest.fixture
def bundle(tmp_path) -> SimpleNamespace:
    dataset_file = write_catalog(
        tmp_path / "catalog",
        name="shop",
        items=[{"item_id": f"i{n}"} for n in range(6)],
        item_features={},
        interactions=[
            {"user": "u", "item": item, "event": kind, "time": n, "part": part}
            for n, (item, kind, part) in enumerate(EVENTS, start=1)
        ],
        interaction_columns={"user": "user", "item": "item", "time": "time", "kind": "event"},
        kinds={"view": 0.1, "buy": 1.0, "skip": -1.0},
        split={"by": "column", "name": "part"},
    )
    pack(dataset_file, tmp_path / "data", PackConfig(quiet=True))
    model = SimpleNamespace(
        reads_times=False,
        ranks_by="retrieval",
        query_tower=SimpleNamespace(max_history=5),
        users=SimpleNamespace(gather_known=lambda rows: {}),
    )
    return SimpleNamespace(dataset=Dataset(tmp_path / "data"), model=model)


# Item 0 was viewed alone, and can be recommended.
@pytest.mark.parametrize(
    ("split", "history", "left_out"),
    [
        ("valid", [0, 2], [1, 2]),
        ("test", [0, 2], [1, 2, 3]),
        (None, [0, 2, 4], [1, 2, 3, 4]),
    ],
)
def test_disliked_items_are_left_out_and_are_no_history(bundle, split, history, left_out):
    inputs, [excluded] = KnownUsers(bundle, ["u"], split).batch(0, 1)
    np.testing.assert_array_equal(inputs.history[0], history)
    assert sorted(set(excluded.tolist())) == left_out


def test_dislikes_of_items_that_were_chosen_are_no_dislikes_in_training(bundle):
    dislikes = bundle.dataset.dislikes(["train", "valid"])
    assert dislikes.items.tolist() == [1, 3]
    assert bundle.dataset.dislikes(["valid"]).items.tolist() == [3, 2]
    np.testing.assert_allclose(dislikes.weights, [1.0, 1.0])
    assert bundle.dataset.dislikes(["test"]).items.tolist() == []
