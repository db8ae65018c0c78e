"""The id index: rows of many ids at a time."""

import numpy as np

from tfmmrec.data.id_index import IdIndex


def test_ids_have_the_rows_of_their_order():
    ids = IdIndex(["b", "a"])
    ids.extend(["я", "007"])
    assert len(ids) == 4
    assert ids.rows(["007", "none", "b", "", "я"]).tolist() == [3, -1, 0, -1, 2]
    assert ids.take(np.array([3, 0])) == ["007", "b"]
    assert ids.from_row(2) == ["я", "007"]


def test_without_ids_all_are_unknown():
    assert IdIndex().rows(["a"]).tolist() == [-1]
    assert IdIndex(["a"]).rows([]).tolist() == []
    assert IdIndex().from_row(0) == []
