"""The interaction table: parsed events, rejected rows, and the order of events."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tfmmrec.data.dataset_file import InteractionTable
from tfmmrec.data.id_index import IdIndex
from tfmmrec.data.interactions import EventKinds, Interactions, concatenate, in_order
from tfmmrec.data.interactions.reader import read_interactions
from tfmmrec.data.positive import parse_positive
from tfmmrec.data.tables.dialect import Dialect
from tfmmrec.data.tables.source import find_table
from tfmmrec.errors import DataError

ITEMS = IdIndex(f"i{number}" for number in range(10))


def read(
    folder: Path, lines: list[str], users: list[str] | None = None, **options: Any
) -> tuple[Interactions, list, list[str]]:
    path = folder / "log.csv"
    header = "user,item,time,stars,part"
    path.write_bytes(b"\n".join(line.encode("latin-1") for line in [header, *lines, ""]))
    columns = {"time": "time", "rating": None, "positive": None, "extra": None, **options}
    table = InteractionTable(find_table(path), "user", "item", **columns)
    rejects: list = []
    known = IdIndex(users or [])
    batches = list(read_interactions(table, ITEMS, known, lambda *reject: rejects.append(reject)))
    return in_order(concatenate(batches), known, ITEMS), rejects, known.from_row(0)


def test_order_is_by_time_and_then_by_the_digest_of_user_and_item(tmp_path):
    lines = ["a,i9,2,,"] + [f"a,i{number},1,," for number in range(6)] + ["b,i0,0,,"]
    events, rejects, users = read(tmp_path, lines)
    assert (rejects, users) == ([], ["a", "b"])
    tied = sorted(range(6), key=lambda n: hashlib.sha1(f"a:i{n}".encode()).hexdigest())
    assert tied != sorted(tied), "the example cannot tell the digest from the id"
    assert events.item.tolist() == [*tied, 9, 0]
    assert events.user.tolist() == [0] * 7 + [1]
    assert events.order.tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    # Seconds in the table, milliseconds in the arrays.
    assert events.time.tolist() == [1000] * 6 + [2000, 0]


def test_order_does_not_depend_on_the_order_of_the_rows(tmp_path):
    lines = [f"{user},i{item},{item % 2},," for user in "ab" for item in range(8)]
    # The users are known, so that their rows do not depend on who comes first.
    first, _, _ = read(tmp_path, lines, users=["a", "b"])
    again, _, _ = read(tmp_path, lines[::-1], users=["a", "b"])
    assert first.item.tolist() == again.item.tolist()


def test_the_digest_is_of_ids_and_not_of_rows():
    names = ["w", "x", "y", "z"]
    zeros = np.zeros(4, np.int32)
    events = Interactions(
        user=zeros,
        item=np.arange(4, dtype=np.int32),
        time=zeros.astype(np.int64),
        rating=zeros.astype(np.float32),
        positive=zeros.astype(bool),
        order=zeros,
        part=zeros.astype(np.int8),
    )
    expected = sorted(range(4), key=lambda n: hashlib.sha1(f"я:{names[n]}".encode()).hexdigest())
    assert in_order(events, IdIndex(["я"]), IdIndex(names)).item.tolist() == expected


def test_known_users_keep_their_rows_and_others_follow(tmp_path):
    _, _, users = read(tmp_path, ["c,i1,1,,", "b,i1,1,,", "a,i1,1,,"], users=["a", "b"])
    assert users == ["a", "b", "c"]


def test_broken_rows_are_rejected_by_row_and_field(tmp_path):
    lines = [
        "a,i1,1,4,",
        "a,none,1,4,",
        ",i1,1,4,",
        "a,,1,4,",
        "a,i1,,4,",
        "a,i1,soon,4,",
        "a,i1,1,many,",
        "a,i1,nan,4,",
        "a,i1,1e300,4,",
        "caf\xe9,i1,1,4,",
        "b,i2,2,5,",
    ]
    events, rejects, users = read(tmp_path, lines, rating="stars")
    assert [(row, field) for row, field, _ in rejects] == [
        (2, "item"),
        (3, "user"),
        (4, "item"),
        (5, "time"),
        (6, "time"),
        (7, "stars"),
        (8, "time"),
        (9, "time"),
        (10, "user"),
    ]
    reasons = [reason for _, _, reason in rejects]
    assert reasons[0] == "unknown item 'none'"
    assert reasons[1] == reasons[2] == "the id is missing"
    assert reasons[3] == "the time is missing"
    # A row that is rejected makes no user.
    assert users == ["a", "b"]
    assert (events.item.tolist(), events.rating.tolist()) == ([1, 2], [4.0, 5.0])


def test_kinds_have_weights_and_unknown_ones_are_rejected(tmp_path):
    kinds = EventKinds({"view": 0.5, "buy": 1.0, "skip": -1.0, "seen": 0.0})
    names = ["view", "buy", "skip", "seen", "veiw", "", "buy"]
    lines = [f"a,i{n},{n},{4 - n // 6},{name}" for n, name in enumerate(names)]
    options: dict[str, Any] = {"kind": "part", "kinds": kinds}
    events, rejects, _ = read(tmp_path, lines, **options)
    assert events.kind.tolist() == [0, 1, 2, 3, 1]
    assert events.weight.tolist() == [0.5, 1.0, -1.0, 0.0, 1.0]
    assert events.positive.tolist() == [True, True, False, False, True]
    assert [(row, field) for row, field, _ in rejects] == [(5, "part"), (6, "part")]
    assert rejects[0][2].startswith("unknown kind 'veiw'")
    assert rejects[1][2] == "the kind is missing"
    # With a rule, both must hold: the last purchase has three stars.
    events, _, _ = read(tmp_path, lines, positive=parse_positive("stars >= 4"), **options)
    assert events.positive.tolist() == [True, True, False, False, False]
    # Without kinds, all events have the weight 1.
    events, _, _ = read(tmp_path, lines)
    assert (set(events.kind), set(events.weight)) == ({0}, {1.0})


def test_positives_are_the_rows_that_the_expression_names(tmp_path):
    lines = [f"a,i{n},{n},{stars}," for n, stars in enumerate(["3", "4", "5", ""])]
    for sign, expected in {
        ">=": [False, True, True],
        ">": [False, False, True],
        "<=": [True, True, False],
        "<": [True, False, False],
        "==": [False, True, False],
        "!=": [True, False, True],
    }.items():
        events, rejects, _ = read(tmp_path, lines, positive=parse_positive(f"stars {sign} 4"))
        # What has no value is no positive, and no reject.
        assert (events.positive.tolist(), rejects) == ([*expected, False], [])
    events, _, _ = read(tmp_path, lines)
    assert events.positive.tolist() == [True] * 4


def test_valid_events_without_a_value_for_the_rule_are_counted(tmp_path):
    rows = ["a,i1,1,NA,", "a,none,2,NA,", "a,i2,3,,", "a,i3,4,2,", "a,i4,5,5,"]
    (tmp_path / "log.csv").write_text("\n".join(["user,item,time,stars,part", *rows]))
    source = find_table(tmp_path / "log.csv", Dialect(missing=("NA",)))
    for rule, expected in {"stars >= 4": 2, "stars >= 4 and time > 2": 1}.items():
        table = InteractionTable(source, "user", "item", "time", None, parse_positive(rule), None)
        unknown: list[int] = []
        list(read_interactions(table, ITEMS, IdIndex(), lambda *reject: None, unknown.append))
        assert sum(unknown) == expected


def test_without_times_and_ratings(tmp_path):
    events, _, _ = read(tmp_path, ["a,i1,x,y,"], time=None)
    assert (events.time.tolist(), np.isnan(events.rating).tolist()) == ([0], [True])


def test_a_column_says_the_part(tmp_path):
    lines = ["a,i1,1,,train", "a,i2,3,,test", "a,i3,2,,valid"]
    events, _, _ = read(tmp_path, lines, extra="part")
    # In order of time: i1, i3, i2.
    assert events.part.tolist() == [0, 1, 2]


def test_a_column_that_says_something_else_is_refused(tmp_path):
    with pytest.raises(DataError, match="column 'part' has 'dev'"):
        read(tmp_path, ["a,i1,1,,train", "a,i2,2,,dev"], extra="part")


def test_bad_utf8_in_the_split_column_is_a_reject(tmp_path):
    lines = ["a,i1,1,,train", "b,i2,2,,caf\xe9", "a,i3,3,,test"]
    events, rejects, users = read(tmp_path, lines, extra="part")
    assert [(row, field) for row, field, _ in rejects] == [(2, "part")]
    assert events.part.tolist() == [0, 2]
    assert users == ["a"]


def test_new_users_get_rows_as_their_first_good_event_comes(tmp_path):
    # The first event of c is broken, so that b comes before it.
    lines = ["c,none,1,,", "b,i1,1,,", "c,i1,1,,", " b ,i2,2,,"]
    events, rejects, users = read(tmp_path, lines)
    assert users == ["b", "c"] and len(rejects) == 1
    # " b " is b: two events of user 0, one of user 1.
    assert events.user.tolist() == [0, 0, 1]


def test_a_rating_that_float32_cannot_hold_is_a_reject(tmp_path):
    events, rejects, _ = read(tmp_path, ["a,i1,1,1e300,", "a,i2,2,5,"], rating="stars")
    assert [(row, field) for row, field, _ in rejects] == [(1, "stars")]
    assert events.rating.tolist() == [5.0]


def test_types_of_parquet_read_as_texts_do(tmp_path):
    table = pa.table(
        {
            "user": pa.array([7, 7, 8]),
            "item": pa.array(["i1", "i2", ""]),
            "time": pa.array([1_000_000, 2_000_000, 3_000_000], pa.timestamp("us", "UTC")),
            "stars": pa.array([4.5, None, 1.0]),
        }
    )
    pa.parquet.write_table(table, tmp_path / "log.parquet")
    source = find_table(tmp_path / "log.parquet")
    declared = InteractionTable(
        source, "user", "item", "time", "stars", parse_positive("stars >= 4"), None
    )
    rejects: list = []
    users = IdIndex()
    (events,) = read_interactions(declared, ITEMS, users, lambda *reject: rejects.append(reject))
    assert rejects == [(3, "item", "the id is missing")]
    assert users.from_row(0) == ["7"]
    assert events.time.tolist() == [1000, 2000]
    np.testing.assert_array_equal(events.rating, np.array([4.5, np.nan], np.float32))
    assert events.positive.tolist() == [True, False]


def test_a_parse_of_many_times_equals_that_of_one(tmp_path):
    raws = ["0", "-1.5", "1700000000", "1.7e9", "0.0005", "0.0015", "99999999999"]
    fast, _, _ = read(tmp_path, [f"a,i1,{raw},," for raw in raws])
    # One ISO time among them makes every value take the long way.
    slow, _, _ = read(tmp_path, [f"a,i1,{raw},," for raw in [*raws, "1970-01-01"]])
    assert sorted([*fast.time.tolist(), 0]) == slow.time.tolist()


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("stars == buy", ["buy", "view", " buy ", ""], [True, False, True, False]),
        ("stars != buy", ["buy", "view", ""], [False, True, False]),
        ("stars in [buy, 'add to cart']", ["buy", "add to cart", "view"], [True, True, False]),
        ("stars not in [buy]", ["buy", "view", ""], [False, True, False]),
        ("stars", ["true", "True", "1", "t", "Yes", "false", "0", ""], [True] * 5 + [False] * 3),
        ("not stars", ["true", "F", ""], [False, True, False]),
        ("stars >= 4", ["4.0", "04", "5e0", "3"], [True, True, True, False]),
        ("stars == 7", ["007", "7.0", "8"], [True, True, False]),
        ('stars == "007"', ["007", "7"], [True, False]),
        ("stars in [1, buy]", ["1.0", "buy", "2"], [True, True, False]),
        ("stars >= 2 and stars <= 3 or stars == 9", ["1", "2", "3", "9"], [False, *[True] * 3]),
        ("stars >= 3 and part == x", ["4"], [False]),
    ],
)
def test_a_rule_on_texts_numbers_and_booleans(tmp_path, rule, values, expected):
    lines = [f"a,i{n},{n},{value}," for n, value in enumerate(values)]
    events, rejects, _ = read(tmp_path, lines, positive=parse_positive(rule))
    assert (events.positive.tolist(), rejects) == (expected, [])


def test_values_that_cannot_be_compared_are_rejects(tmp_path):
    lines = ["a,i1,1,many,", "a,i2,2,4,"]
    _, rejects, _ = read(tmp_path, lines, positive=parse_positive("stars >= 4"))
    assert rejects == [(1, "stars", "not a number: 'many'")]
    _, rejects, _ = read(tmp_path, lines, positive=parse_positive("stars"))
    assert [reason for _, _, reason in rejects] == [
        "neither true nor false: 'many'",
        "neither true nor false: '4'",
    ]


def test_whole_floats_are_ids_without_decimals(tmp_path):
    table = {"user": [1.0, 2.5], "item": [3.0, 4.0], "time": [1, 2]}
    pa.parquet.write_table(pa.table(table), tmp_path / "log.parquet")
    source = find_table(tmp_path / "log.parquet")
    declared = InteractionTable(source, "user", "item", "time", None, None, None)
    users = IdIndex()
    (events,) = read_interactions(declared, IdIndex(["3", "4"]), users, lambda *_: None)
    assert (events.item.tolist(), users.from_row(0)) == ([0, 1], ["1", "2.5"])


@pytest.mark.parametrize(
    ("written", "known"),
    [("0.0", "0"), ("7", "007"), ("007", "7"), ("A1", "a1"), ("'7'", "7"), ("a 1", "a1")],
)
def test_an_unknown_item_that_is_known_in_another_writing(tmp_path, written, known):
    (tmp_path / "log.csv").write_text(f"user,item\na,none\na,{written}\na,{written}\n")
    source = find_table(tmp_path / "log.csv")
    declared = InteractionTable(source, "user", "item", None, None, None, None)
    rejects: list = []
    items = IdIndex(["x", known])
    list(read_interactions(declared, items, IdIndex(), lambda *reject: rejects.append(reject)))
    # The hint is given once, at the first id that has one.
    assert [reason for _, _, reason in rejects] == [
        "unknown item 'none'",
        f"unknown item {written!r} (the item table has {known!r})",
        f"unknown item {written!r}",
    ]


def test_the_unit_of_times_comes_from_the_first_rows(tmp_path):
    lines = [f"a,i1,{1_649_376_000_000_000 + n},," for n in range(3)]
    events, rejects, _ = read(tmp_path, [*lines, "a,i2,1649376000,,"])
    assert events.time.tolist() == [1_649_376_000_000] * 3
    reason = "the time 1649376000 looks like seconds, but the column has microseconds"
    assert rejects == [(4, "time", reason)]
