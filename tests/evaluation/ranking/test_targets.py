"""Which positives of a split are targets, and what is said of those that are not."""

from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import context_of, excluded_of, leaking_events
from tfmmrec.data.packing import pack
from tfmmrec.errors import DataError
from tfmmrec.evaluation.ranking.rankers import ScoreRanker
from tfmmrec.evaluation.ranking.targets import check_no_leakage, targets_of
from tfmmrec.models.training_events import TrainingEvents
from tfmmrec.serving.user_inputs import KnownUsers


def packed(folder, rows, *, time=True, kinds=None, ratings=False, **options):
    """Packs events of (user, item, time, split[, kind or rating]), split by their column."""
    folder.mkdir()
    (folder / "items.csv").write_text("id\n" + "".join(f"i{n}\n" for n in range(6)))
    lines = [",".join(map(str, row)) for row in rows]
    header = "user,item,time,part" + (",kind" if kinds else "") + (",stars" if ratings else "")
    (folder / "log.csv").write_text("\n".join([header, *lines]) + "\n")
    interactions = {"table": "log.csv", "user": "user", "item": "item"}
    interactions |= {"kind": "kind", "kinds": kinds} if kinds else {}
    interactions |= {"rating": "stars", "positive": "stars >= 4"} if ratings else {}
    interactions |= options
    content = {
        "items": {"table": "items.csv", "id": "id", "features": {}},
        "interactions": {**interactions, **({"time": "time"} if time else {})},
        "split": {"by": "column", "name": "part"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


def pairs(dataset, targets):
    return [
        (dataset.user_ids[user], dataset.item_ids[item])
        for user, item in zip(targets.user, targets.item, strict=True)
    ]


def test_repeats_of_the_history_and_of_the_split_are_left_out(tmp_path):
    rows = [
        ("u0", "i0", 1, "train"),
        ("u0", "i1", 2, "valid"),
        ("u1", "i0", 1, "train"),
        ("u1", "i0", 2, "train"),
        # Of train and of valid; of the split itself, twice; and what is new.
        ("u0", "i0", 3, "test"),
        ("u0", "i1", 4, "test"),
        ("u0", "i2", 5, "test"),
        ("u0", "i2", 6, "test"),
        ("u0", "i2", 7, "test"),
        ("u1", "i2", 5, "test"),
    ]
    dataset = packed(tmp_path / "log", rows)
    found = targets_of(dataset, "test")
    assert pairs(dataset, found) == [("u0", "i2"), ("u1", "i2")]
    assert (found.num_repeats, found.num_both_cold) == (4, 0)
    # Against a plain count.
    histories = found.histories
    assert not any(
        item in histories.of_user(user) for user, item in zip(found.user, found.item, strict=True)
    )


def test_a_split_of_repeats_alone_says_so(tmp_path):
    # Two songs in turns.
    rows = [
        (f"u{user}", f"i{n % 2}", n, ("train", "train", "valid", "test")[n])
        for user in range(3)
        for n in range(4)
    ]
    dataset = packed(tmp_path / "log", rows)
    told = (
        r"split 'test' has no positive to evaluate: of its 3 positives, 3 are repeats of items "
        r"that the user chose before, which are not ranked; choose another split"
    )
    with pytest.raises(DataError, match=told):
        targets_of(dataset, "test")
    empty = packed(tmp_path / "empty", [("u0", "i0", 1, "train")])
    with pytest.raises(DataError, match=r"split 'test' has no positive to evaluate$"):
        targets_of(empty, "test")


ROWS = [
    ("u0", "i0", 10, "train"),
    ("u0", "i1", 30, "train"),
    # Before the second event of train, at the same time, and after it.
    ("u0", "i2", 20, "test"),
    ("u0", "i3", 30, "test"),
    ("u0", "i4", 40, "test"),
]


def test_leakage_is_of_later_times_and_not_of_equal_ones(tmp_path):
    dataset = packed(tmp_path / "log", ROWS)
    late = leaking_events(dataset, "test")
    assert [dataset.item_ids[item] for item in late.item] == ["i2"]
    with pytest.raises(DataError, match=r"temporal leakage: 1 targets .* item 'i2'"):
        check_no_leakage(dataset, "test")


def test_without_times_nothing_is_known_to_leak(tmp_path):
    dataset = packed(tmp_path / "log", ROWS, time=False)
    assert len(leaking_events(dataset, "test")) == 0
    check_no_leakage(dataset, "test")
    found = targets_of(dataset, "test")
    assert sorted(pairs(dataset, found)) == [("u0", "i2"), ("u0", "i3"), ("u0", "i4")]
    assert np.diff(found.histories.offsets).tolist() == [2]


KINDS = {"view": 0.1, "buy": 1.0, "skip": -1}


def test_views_are_no_targets_and_disliked_items_no_candidates(tmp_path):
    rows = [
        ("u0", "i0", 1, "train", "view"),
        ("u0", "i1", 2, "train", "skip"),
        ("u0", "i2", 3, "valid", "buy"),
        ("u0", "i3", 4, "valid", "skip"),
        # Of test: a view, a new item, a viewed one and a disliked one.
        ("u0", "i4", 5, "test", "view"),
        ("u0", "i5", 6, "test", "buy"),
        ("u0", "i0", 7, "test", "buy"),
        ("u0", "i3", 8, "test", "buy"),
    ]
    dataset = packed(tmp_path / "log", rows, kinds=KINDS)
    found = targets_of(dataset, "test")
    # What was viewed can be bought; what was bought or disliked is no candidate.
    assert pairs(dataset, found) == [("u0", "i5"), ("u0", "i0")]
    assert found.num_repeats == 1
    assert found.are_repeats.tolist() == [False, True]
    user = dataset.user_rows["u0"]
    assert found.histories.of_user(user).tolist() == [0, 2]
    assert found.excluded.of_user(user).tolist() == [1, 2, 3]
    valid = targets_of(dataset, "valid")
    assert pairs(dataset, valid) == [("u0", "i2")]
    assert valid.excluded.of_user(user).tolist() == [1]
    # A disliked item, however good its score, is not among those that are ranked and listed.
    scores = np.array([[0.0, 9.0, 0.0, 9.0, 0.2, 0.1]])
    ranks, lists = ScoreRanker.of(scores).rank(found, np.ones(6, bool), k=6)
    assert ranks.tolist() == [2.0, 3.0]
    assert lists.items.tolist() == [[4, 5, 0, -1, -1, -1]]


RATED = [
    ("u0", "i0", 1, "train", 5),
    ("u0", "i1", 2, "train", 2),
    ("u0", "i2", 3, "valid", 4),
    # After the target of valid, and before that of test.
    ("u0", "i3", 4, "train", 1),
    ("u0", "i4", 5, "test", 5),
    # After both.
    ("u0", "i5", 6, "train", 3),
]


def test_what_was_rated_below_the_bar_is_read_and_no_candidate_from_then_on(tmp_path):
    dataset = packed(tmp_path / "log", RATED, ratings=True)
    excluded = {
        split: targets_of(dataset, split).excluded.of_user(0).tolist()
        for split in ("valid", "test")
    }
    assert excluded == {"valid": [0, 1], "test": [0, 1, 2, 3]}
    # In the order of time.
    assert targets_of(dataset, "test").histories.of_user(0).tolist() == [0, 1, 2, 3]
    assert context_of(dataset, "test").of_user(0).tolist() == [0, 2]
    assert sorted(excluded_of(dataset).of_user(0).tolist()) == [0, 1, 2, 3, 4, 5]
    # One that the user likes on second thought is a repeat.
    again = packed(tmp_path / "again", [*RATED, ("u0", "i1", 7, "test", 5)], ratings=True)
    found = targets_of(again, "test")
    assert pairs(again, found) == [("u0", "i4")]
    assert found.num_repeats == again.statistics["interactions"]["test_repeats"] == 1


def test_where_repeats_are_allowed_ratings_exclude_nothing(tmp_path):
    dataset = packed(tmp_path / "log", RATED, ratings=True, repeats="allow")
    assert not len(targets_of(dataset, "test").excluded.items)


@pytest.mark.parametrize(("splits", "items"), [(["train"], [0]), (["train", "valid"], [0, 1, 2])])
def test_training_reads_ratings_up_to_its_last_positive(tmp_path, splits, items):
    dataset = packed(tmp_path / "log", RATED, ratings=True)
    config = SimpleNamespace(train_splits=splits)
    events = TrainingEvents(dataset, config, with_times=False)
    assert events.with_ratings.of_user(0).tolist() == items
    assert events.histories.of_user(0).tolist() == [item for item in items if item != 1]
    unrated = packed(tmp_path / "unrated", [row[:4] for row in RATED])
    events = TrainingEvents(unrated, config, with_times=False)
    assert events.with_ratings is events.histories


@pytest.mark.parametrize(("ranks_by", "history"), [("retrieval", [0, 1, 2, 3]), ("rating", [0, 2])])
def test_recommend_reads_what_evaluation_reads(tmp_path, ranks_by, history):
    dataset = packed(tmp_path / "log", RATED, ratings=True)
    model = SimpleNamespace(
        reads_times=False,
        ranks_by=ranks_by,
        query_tower=SimpleNamespace(max_history=5),
        users=SimpleNamespace(gather_known=lambda rows: {}),
    )
    users = KnownUsers(SimpleNamespace(dataset=dataset, model=model), ["u0"], "test")
    inputs, [excluded] = users.batch(0, 1)
    assert inputs.history[0].numpy().tolist() == history
    assert excluded.tolist() == [0, 1, 2, 3]
