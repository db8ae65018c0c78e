"""Tests of cold-start items and users: candidates, draw, and their place in the data folder."""

from pathlib import Path

import numpy as np
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions import Interactions
from tfmmrec.data.packing import pack
from tfmmrec.data.packing.cold_start_split import ColdStartCandidates, draw_cold


def events_of(users: list[int], items: list[int], positive: list[bool]) -> Interactions:
    zeros = np.zeros(len(users), np.int64)
    return Interactions(
        user=np.array(users, np.int32),
        item=np.array(items, np.int32),
        time=zeros,
        rating=zeros.astype(np.float32),
        positive=np.array(positive, bool),
        order=zeros.astype(np.int32),
        part=zeros.astype(np.int8),
    )


def test_users_are_drawn_from_those_with_five_positives_whenever_they_come():
    chosen = ColdStartCandidates(6)
    # User 3 has five positives in two batches, user 9 five of six events, user 0 four of five.
    chosen.observe(events_of([3, 3, 0, 0, 0], [1, 1, 4, 4, 4], [True] * 5))
    chosen.observe(events_of([], [], []))
    chosen.observe(events_of([9] * 6, [2] * 6, [True] * 3 + [False] + [True] * 2))
    chosen.observe(events_of([3, 3, 3, 0, 0], [1, 1, 1, 4, 5], [True] * 4 + [False]))
    assert chosen.users.tolist() == [3, 9]
    # An item that was looked at and not liked was chosen, too.
    assert chosen.items.tolist() == [1, 2, 4, 5]


def test_who_is_drawn_depends_on_ids_and_seed_alone():
    names = [f"u{n}" for n in range(40)]
    rows = np.arange(0, 40, 2)
    drawn = draw_cold(0.25, rows, IdIndex(names), 0)
    # A quarter of twenty.
    assert len(drawn) == 5 and set(drawn.tolist()) <= set(rows.tolist())
    turned = draw_cold(0.25, 39 - rows[::-1], IdIndex(names[::-1]), 0)
    assert sorted(names[row] for row in drawn) == sorted(names[39 - row] for row in turned)
    assert draw_cold(0.25, rows, IdIndex(names), 1).tolist() != drawn.tolist()
    assert draw_cold(0.0, rows, IdIndex(names), 0).tolist() == []


def write(folder: Path, log: list[str]) -> Path:
    folder.mkdir()
    (folder / "items.csv").write_text("\n".join(["id", *(f"i{n}" for n in range(10))]) + "\n")
    (folder / "log.csv").write_text("\n".join(["user,item,time,stars", *log]) + "\n")
    content = {
        "items": {"table": "items.csv", "id": "id"},
        "interactions": {
            **{"table": "log.csv", "user": "user", "item": "item", "time": "time"},
            **{"rating": "stars", "positive": "stars >= 4"},
        },
        "cold_users": {"share": 0.5},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    return folder / "set.yaml"


# Users 0 to 3 like six of ten items, users 4 and 5 four of them.
LOG = [
    f"u{user},i{item},{(item * 7 + user) % 10},{5 if item < (6 if user < 4 else 4) else 2}"
    for user in range(6)
    for item in range(10)
]


def test_cold_users_are_in_test_with_all_they_did(tmp_path):
    pack(write(tmp_path / "films", LOG), tmp_path / "data", PackConfig(quiet=True))
    dataset = Dataset(tmp_path / "data")
    cold = np.flatnonzero(dataset.cold_users)
    # Half of the four with five positives.
    assert len(cold) == 2
    assert set(dataset.user_ids[row] for row in cold) <= {"u0", "u1", "u2", "u3"}
    for split in ("train", "valid"):
        assert not np.isin(dataset.events(split).user, cold).any()
    test = dataset.events("test")
    for row in cold:
        own = test.take(test.user == row)
        # All ten events, in the order of time; user n's item i came at (7 i + n) modulo 10.
        number = int(dataset.user_ids[row][1:])
        times = [(item * 7 + number) % 10 for item in range(10)]
        assert [dataset.item_ids[i] for i in own.item] == [f"i{i}" for i in np.argsort(times)]
        assert own.order.tolist() == list(range(10))
        assert own.positive.sum() == 6
    # Of the two others with five positives, the last one is in test and the one before in valid.
    assert len(test) == 22 and len(dataset.events("valid")) == 2
    assert dataset.statistics["interactions"]["test"] == 22


def test_the_order_of_the_table_does_not_matter(tmp_path):
    found = []
    for name, log in (("one", LOG), ("other", LOG[::-1])):
        pack(write(tmp_path / name, log), tmp_path / f"{name}-data", PackConfig(quiet=True))
        dataset = Dataset(tmp_path / f"{name}-data")
        found.append({dataset.user_ids[row] for row in np.flatnonzero(dataset.cold_users)})
    assert found[0] == found[1]


def test_a_folder_without_the_file_has_no_cold_users(tmp_path):
    pack(write(tmp_path / "films", LOG), tmp_path / "data", PackConfig(quiet=True))
    (tmp_path / "data" / "vocabulary" / "cold_user_ids.txt").unlink()
    assert Dataset(tmp_path / "data").cold_users.tolist() == [False] * 6
