"""Interactions: their order, times, positives, rejects and splits."""

import datetime
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfmmrec.dataset_file import InteractionTable
from tfmmrec.errors import BrokenValue, DataError
from tfmmrec.interactions import (
    Interactions,
    in_order,
    read_interactions,
    split_interactions,
    to_id,
    to_milliseconds,
)

ITEMS = {f"i{number}": number for number in range(10)}


def read(
    folder: Path, lines: list[str], users: dict[str, int] | None = None, **options: Any
) -> tuple[Interactions, list, dict[str, int]]:
    path = folder / "log.csv"
    header = "user,item,time,stars,part"
    path.write_bytes(b"\n".join(line.encode("latin-1") for line in [header, *lines, ""]))
    columns = {"time": "time", "rating": None, "positive": None, "extra": None, **options}
    table = InteractionTable(path, "user", "item", **columns)
    rejects: list = []
    users = {} if users is None else users
    events = read_interactions(table, ITEMS, users, lambda *reject: rejects.append(reject))
    return events, rejects, users


def events_of(users: list[int], positive: list[bool] | None = None, **columns: Any) -> Interactions:
    """Events in order: the items and times count up within each user."""
    num = len(users)
    positive = [True] * num if positive is None else positive
    given = {"time": np.arange(num, dtype=np.int64), "extra": None, **columns}
    return Interactions(
        user=np.array(users, np.int32),
        item=np.arange(num, dtype=np.int32),
        rating=np.full(num, np.nan, np.float32),
        positive=np.array(positive),
        order=np.zeros(num, np.int32),
        **given,
    )


def test_order_is_by_time_and_then_by_the_digest_of_user_and_item(tmp_path):
    lines = ["a,i9,2,,"] + [f"a,i{number},1,," for number in range(6)] + ["b,i0,0,,"]
    events, rejects, users = read(tmp_path, lines)
    assert (rejects, users) == ([], {"a": 0, "b": 1})
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
    first, _, _ = read(tmp_path, lines, users={"a": 0, "b": 1})
    again, _, _ = read(tmp_path, lines[::-1], users={"a": 0, "b": 1})
    assert first.item.tolist() == again.item.tolist()


def test_the_digest_is_of_ids_and_not_of_rows():
    events = events_of([0, 0, 0, 0], time=np.zeros(4, np.int64))
    names = ["w", "x", "y", "z"]
    expected = sorted(range(4), key=lambda n: hashlib.sha1(f"я:{names[n]}".encode()).hexdigest())
    assert in_order(events, ["я"], names).item.tolist() == expected


def test_known_users_keep_their_rows_and_others_follow(tmp_path):
    _, _, users = read(tmp_path, ["c,i1,1,,", "b,i1,1,,", "a,i1,1,,"], users={"a": 0, "b": 1})
    assert users == {"a": 0, "b": 1, "c": 2}


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
    assert users == {"a": 0, "b": 1}
    assert (events.item.tolist(), events.rating.tolist()) == ([1, 2], [4.0, 5.0])


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
        events, rejects, _ = read(tmp_path, lines, positive=("stars", sign, 4.0))
        # What has no value is no positive, and no reject.
        assert (events.positive.tolist(), rejects) == ([*expected, False], [])
    events, _, _ = read(tmp_path, lines)
    assert events.positive.tolist() == [True] * 4


def test_without_times_and_ratings(tmp_path):
    events, _, _ = read(tmp_path, ["a,i1,x,y,"], time=None)
    assert (events.time.tolist(), np.isnan(events.rating).tolist()) == ([0], [True])


@pytest.mark.parametrize(
    ("raw", "milliseconds"),
    [
        (b"1700000000", 1_700_000_000_000),
        (1.5, 1500),
        (b"-1", -1000),
        # 1970-01-02 is one day of 86,400 seconds after the epoch.
        (b"1970-01-02", 86_400_000),
        ("1970-01-02T00:00:01", 86_401_000),
        ("1970-01-02T00:00:01Z", 86_401_000),
        # Two hours east of Greenwich it is two hours earlier: 86,400 - 7,200 = 79,200.
        ("1970-01-02T00:00:00+02:00", 79_200_000),
        (" 1970-01-02 00:00:00.250 ", 86_400_250),
        (datetime.datetime(1970, 1, 2), 86_400_000),
        (datetime.datetime(1970, 1, 2, tzinfo=datetime.UTC), 86_400_000),
    ],
)
def test_times_of_unix_and_iso_8601(raw, milliseconds):
    assert to_milliseconds(raw) == milliseconds


@pytest.mark.parametrize("raw", [b"soon", b"2024-13-01", b"nan", b"inf", b"\xff", 1e30, [1]])
def test_what_is_no_time_is_refused(raw):
    with pytest.raises(BrokenValue):
        to_milliseconds(raw)


def test_ids_are_texts_of_one_line():
    assert (to_id(b" 007 "), to_id(7)) == ("007", "7")
    for raw in (b"", b"  ", "a\nb", "a\rb", b"\xff"):
        with pytest.raises(BrokenValue):
            to_id(raw)


def split(events: Interactions, seed: int = 0, **options: Any) -> list[int]:
    return split_interactions(events, options, seed, Path("log.csv")).tolist()


def test_last_out_takes_the_last_two_positives_of_users_with_five():
    # User 0 has five positives, user 1 four, user 2 five of seven events.
    users = [0] * 5 + [1] * 4 + [2] * 7
    positive = [True] * 9 + [True, True, True, False, True, True, False]
    parts = split(events_of(users, positive), by="last_out")
    assert parts[:5] == [0, 0, 0, 1, 2]
    assert parts[5:9] == [0, 0, 0, 0]
    assert parts[9:] == [0, 0, 0, 0, 1, 2, 0]


def test_time_puts_the_latest_last_whoever_did_it():
    times = np.array([9, 1, 8, 2, 7, 3, 6, 4, 5, 0], np.int64)
    # 0.2 of ten are test: the times 9 and 8; 0.1 is valid: the time 7.
    parts = split(events_of([0] * 10, time=times), by="time", test_share=0.2, valid_share=0.1)
    assert parts == [2, 0, 2, 0, 1, 0, 0, 0, 0, 0]


def test_random_shares_are_exact_and_the_seed_draws_them():
    options = {"by": "random", "test_share": 0.2, "valid_share": 0.1}
    first = split(events_of([0] * 50), **options)
    # 0.2 * 50 = 10 and 0.1 * 50 = 5.
    assert np.bincount(first).tolist() == [35, 5, 10]
    assert first == split(events_of([0] * 50), **options)
    assert first != split(events_of([0] * 50), seed=1, **options)


def test_a_split_of_nothing_leaves_all_in_train():
    assert split(events_of([0] * 6), by="none") == [0] * 6
    shares = {"test_share": 0.0, "valid_share": 0.0}
    assert split(events_of([0] * 6), by="time", **shares) == [0] * 6


def test_a_column_says_the_part(tmp_path):
    lines = ["a,i1,1,,train", "a,i2,3,,test", "a,i3,2,,valid"]
    events, _, _ = read(tmp_path, lines, extra="part")
    # In order of time: i1, i3, i2.
    assert split(events, by="column", name="part") == [0, 1, 2]


def test_a_column_that_says_something_else_is_refused(tmp_path):
    events, _, _ = read(tmp_path, ["a,i1,1,,train", "a,i2,2,,dev"], extra="part")
    with pytest.raises(DataError, match="column 'part' says 'dev'"):
        split(events, by="column", name="part")


def test_bad_utf8_in_the_split_column_is_a_reject(tmp_path):
    lines = ["a,i1,1,,train", "b,i2,2,,caf\xe9", "a,i3,3,,test"]
    events, rejects, users = read(tmp_path, lines, extra="part")
    assert [(row, field) for row, field, _ in rejects] == [(2, "part")]
    assert split(events, by="column", name="part") == [0, 2]
    assert users == {"a": 0}
