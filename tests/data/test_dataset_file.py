"""The dataset file: its content, and a one-line error for each invalid key."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tfmmrec.data.dataset_file import read_dataset_file
from tfmmrec.data.positive import parse_positive
from tfmmrec.data.schema import Schema
from tfmmrec.errors import ConfigError, DataError, TfmmrecError

ITEMS = {"table": "items.csv", "id": "item_id", "features": {"title": {"modality": "text"}}}
USERS = {"table": "users.csv", "id": "user_id", "features": {"age": {"modality": "number"}}}
INTERACTIONS = {
    "table": "log.csv",
    "user": "user_id",
    "item": "item_id",
    "time": "time",
    "rating": "stars",
    "positive": "stars >= 4",
}
CONTENT = {"name": "songs", "items": ITEMS, "users": USERS, "interactions": INTERACTIONS}


def write(folder: Path, content: Any) -> Path:
    for table in ("items.csv", "users.csv", "log.csv"):
        (folder / table).touch()
    path = folder / "songs.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_everything_is_read(tmp_path):
    cold = {"cold_items": {"share": 0.1}, "cold_users": {"share": 0.2}}
    content = {**CONTENT, "split": {"by": "time", "test_share": 0.2}, **cold}
    dataset = read_dataset_file(write(tmp_path, content))
    assert (dataset.name, dataset.media) == ("songs", tmp_path)
    assert (dataset.items.source.path, dataset.items.id) == (tmp_path / "items.csv", "item_id")
    assert dataset.users.features == {"age": {"modality": "number"}}
    assert dataset.interactions.positive == parse_positive("stars >= 4")
    assert dataset.interactions.columns() == ["user_id", "item_id", "time", "stars"]
    assert dataset.split == {"by": "time", "test_share": 0.2, "valid_share": 0.1}
    assert (dataset.cold_share, dataset.cold_user_share) == (0.1, 0.2)
    schema = dataset.schema()
    assert (schema.has_time, schema.has_rating) == (True, True)


def test_what_may_be_left_out(tmp_path):
    items = {"table": "items.csv", "id": "item_id"}
    log = {"table": "log.csv", "user": "u", "item": "i"}
    dataset = read_dataset_file(write(tmp_path, {"items": items, "interactions": log}))
    assert (dataset.name, dataset.users) == ("songs", None)
    assert (dataset.cold_share, dataset.cold_user_share) == (0.0, 0.0)
    assert dataset.split == {"by": "last_out"}
    assert dataset.interactions.columns() == ["u", "i"]
    schema = dataset.schema()
    assert (schema.has_time, schema.has_rating, schema.items, schema.users) == (
        False,
        False,
        {},
        {},
    )


def test_a_split_column_is_read_too(tmp_path):
    content = {**CONTENT, "split": {"by": "column", "name": "part"}}
    dataset = read_dataset_file(write(tmp_path, content))
    assert dataset.interactions.columns()[-1] == "part"
    assert dataset.split == {"by": "column", "name": "part"}


def test_kinds_are_read_with_their_column(tmp_path):
    # A kind may have the name of a key.
    written = {"view": 0.1, "item": 1, "skip": -1}
    content = changed("interactions", kind="event", kinds=written)
    dataset = read_dataset_file(write(tmp_path, content))
    log = dataset.interactions
    assert (log.kind, log.kinds.weights) == ("event", {"view": 0.1, "item": 1.0, "skip": -1.0})
    assert "event" in log.columns() and "event" not in log.optional_columns()
    assert dataset.schema().kinds == log.kinds


@pytest.mark.parametrize(
    ("written", "allows"),
    [({}, False), ({"repeats": "exclude"}, False), ({"repeats": "allow"}, True)],
)
def test_repeats_are_excluded_unless_they_are_allowed(tmp_path, written, allows):
    schema = read_dataset_file(write(tmp_path, changed("interactions", **written))).schema()
    assert schema.allows_repeats == allows
    schema.save(tmp_path / "schema.json")
    assert Schema.load(tmp_path / "schema.json").allows_repeats == allows


def changed(section: str, **changes: Any) -> dict:
    return {**CONTENT, section: {**CONTENT.get(section, {}), **changes}}


BAD: dict[str, tuple[dict, str, str]] = {
    "no such time format": (
        changed("interactions", time_format="seconds"),
        "interactions.time_format",
        "write one of s, ms",
    ),
    "a sign that strptime lacks": (
        changed("interactions", time_format="%Q"),
        "interactions.time_format",
        "unknown sign '%Q'",
    ),
    "a time format without times": (
        changed("interactions", time=None, time_format="%Y"),
        "interactions.time_format",
        "state the column",
    ),
    "unknown key": ({**CONTENT, "itmes": {}}, "itmes", "unknown key"),
    "no items": ({"interactions": INTERACTIONS}, "items", "the key is missing"),
    "no interactions": ({"items": ITEMS}, "interactions", "the key is missing"),
    "items are no mapping": ({**CONTENT, "items": "items.csv"}, "items", "a mapping"),
    "unknown key of items": (changed("items", tabel="x"), "items.tabel", "unknown key"),
    "no table": (changed("items", table=None), "items.table", "must be a name"),
    "no such table": (changed("items", table="none.csv"), "items.table", "no such file"),
    "id is a number": (changed("users", id=3), "users.id", 'put it in quotes: "3"'),
    "features in a list": (changed("items", features=["title"]), "items.features", "a mapping"),
    "feature is a word": (
        changed("items", features={"title": "text"}),
        "items.features.title",
        "Received: 'text'",
    ),
    "unknown modality": (
        changed("items", features={"title": {"modality": "smell"}}),
        "items.features.title",
        "unknown modality 'smell'",
    ),
    "unknown option": (
        changed("users", features={"age": {"modality": "number", "unit": "a"}}),
        "users.features.age",
        "no option 'unit'",
    ),
    "feature named id": (
        changed("items", features={"id": {"modality": "text"}}),
        "items.features.id",
        "rename",
    ),
    "no user column": (changed("interactions", user=None), "interactions.user", "must be a name"),
    "time is a list": (changed("interactions", time=["t"]), "interactions.time", "must be a name"),
    "no comparison": (
        changed("interactions", positive="stars >="),
        "interactions.positive",
        "Received: 'stars >='",
    ),
    "kinds without their column": (
        changed("interactions", kinds={"buy": 1}),
        "interactions.kinds",
        "state the column of the kinds",
    ),
    "kind without weights": (
        changed("interactions", kind="event"),
        "interactions.kind",
        "state the weight of each kind",
    ),
    "a weight in words": (
        changed("interactions", kind="event", kinds={"buy": "high"}),
        "interactions.kinds",
        "buy: a weight must be a finite number",
    ),
    "repeats is neither": (
        changed("interactions", repeats=True),
        "interactions.repeats",
        "must be allow, to recommend again",
    ),
    "no positive kind": (
        changed("interactions", kind="event", kinds={"skip": -1}),
        "interactions.kinds",
        "above 0",
    ),
    "unknown split": (changed("split", by="luck"), "split.by", "unknown split 'luck'"),
    "share of last_out": (
        changed("split", by="last_out", test_share=0.1),
        "split.test_share",
        "unknown key",
    ),
    "time without times": (
        {**changed("interactions", time=None), "split": {"by": "time"}},
        "split.by",
        "needs interactions.time",
    ),
    "share of one": (changed("split", by="time", test_share=1), "split.test_share", "Received: 1"),
    "share in words": (
        changed("split", by="random", valid_share="some"),
        "split.valid_share",
        "Received: 'some'",
    ),
    # 0.6 + 0.5 = 1.1: nothing would be left to train on.
    "shares past one": (
        changed("split", by="time", test_share=0.6, valid_share=0.5),
        "split",
        "Received: 1.1",
    ),
    "column without a name": (changed("split", by="column"), "split.name", "must be a name"),
    "cold share below 0": (changed("cold_items", share=-0.1), "cold_items.share", "-0.1"),
    "cold share is true": (changed("cold_items", share=True), "cold_items.share", "True"),
    "cold users are one": (changed("cold_users", share=1), "cold_users.share", "Received: 1"),
    "cold users are a number": ({**CONTENT, "cold_users": 0.1}, "cold_users", "a mapping"),
    "unknown key of cold users": (
        changed("cold_users", least=5),
        "cold_users.least",
        "unknown key",
    ),
    "unknown key of cold items": (changed("cold_items", shar=0), "cold_items.shar", "unknown key"),
}


@pytest.mark.parametrize(
    ("table", "name", "value", "has_effect"),
    [
        ("i.jsonl", "delimiter", ";", False),
        ("i.jsonl", "encoding", "latin-1", True),
        ("i.parquet", "encoding", "latin-1", False),
        ("i.parquet", "missing", ["NA"], True),
        ("i.tsv", "quote", "", True),
        ("i.feather", "quote", "", False),
    ],
)
def test_a_key_of_the_dialect_without_effect_is_refused(tmp_path, table, name, value, has_effect):
    (tmp_path / table).touch()
    path = write(tmp_path, changed("items", table=table, **{name: value}))
    if has_effect:
        assert getattr(read_dataset_file(path).items.source.dialect, name) is not None
        return
    with pytest.raises(ConfigError, match=rf"items\.{name}: {table} is of type .*; remove the key"):
        read_dataset_file(path)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_key_gives_one_line_that_names_file_and_key(tmp_path, case):
    content, key, reason = BAD[case]
    path = write(tmp_path, content)
    with pytest.raises(TfmmrecError) as caught:
        read_dataset_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {key}") and reason in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["a: [1", "- a\n- b\n", "", "\x00", "just words"])
def test_what_is_no_mapping_of_yaml_is_refused(tmp_path, text):
    path = write(tmp_path, text)
    with pytest.raises(TfmmrecError) as caught:
        read_dataset_file(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_utf8_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none.yaml: No such file"):
        read_dataset_file(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(DataError, match=r"latin.yaml: not valid YAML"):
        read_dataset_file(tmp_path / "latin.yaml")


def test_a_rule_of_positives_is_parsed_or_quoted(tmp_path):
    path = write(tmp_path, changed("interactions", positive="play time >= 5e3 and clicked"))
    log = read_dataset_file(path).interactions
    assert log.positive == parse_positive("play time >= 5e3 and clicked")
    assert log.columns()[-2:] == ["play time", "clicked"]
    path = write(tmp_path, changed("interactions", positive="x >= four"))
    with pytest.raises(ConfigError, match=r"interactions.positive: .*Received: 'x >= four'"):
        read_dataset_file(path)


NAMES = ["no", "yes", "On", "null", "~", "2019", "1.5", "1_000", "010", "0x1F", "12:30", ".inf"]
NAMES += ["2020-01-01", "2020-13-45", "TRUE", "2020-01-01 00:00:00", "="]
PLACES = {
    "items.id": "items: {table: items.csv, id: WORD}",
    "items.table": "items: {id: a, table: WORD}",
    "items.features": "items: {table: items.csv, id: a, features: {WORD: {modality: text}}}",
    "items.features.a.separator": "items: {features: {a: {modality: text, separator: WORD}}}",
    "interactions.user": "interactions:\n  user: WORD",
    "interactions.rating": "interactions:\n  rating: WORD",
    "split.name": "split: {by: column, name: WORD}",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("word", NAMES)
def test_a_name_that_yaml_reads_otherwise_is_shown_as_it_is_written(tmp_path, place, word):
    path = write(tmp_path, PLACES[place].replace("WORD", word))
    if word in ("null", "~") and place.rsplit(".")[-1] in ("rating", "separator", "name"):
        pytest.skip("null leaves out what is optional")
    with pytest.raises(ConfigError) as caught:
        read_dataset_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {place}: ") and "\n" not in message
    assert f"YAML reads {word} as " in message
    assert message.endswith(f'put it in quotes: "{word}"')


@pytest.mark.parametrize(
    "name", [*NAMES, "", "a b", "价格 (元)", "#id", "@id", "a: b", "a.b", "[x]"]
)
def test_any_name_in_quotes_is_a_name(tmp_path, name):
    features = {name: {"modality": "text"}} if name != "id" else {}
    log = {"table": "log.csv", "user": name or "u", "item": "i", "time": name or "t"}
    items = {"table": "items.csv", "id": "i", "features": features}
    if not name:
        items["features"] = {}
    dataset = read_dataset_file(write(tmp_path, {"items": items, "interactions": log}))
    assert list(dataset.items.features) == ([name] if name else [])
    assert dataset.interactions.columns()[0] == (name or "u")


def test_a_name_that_is_empty_or_a_comment_is_refused(tmp_path):
    for text in ("items: {table: items.csv, id: }", "items:\n  table: items.csv\n  id: #id"):
        with pytest.raises(ConfigError, match=r"items.id: must be a name; .* begin with #"):
            read_dataset_file(write(tmp_path, text))
    with pytest.raises(ConfigError, match=r"a name is needed as key. Received: a list"):
        read_dataset_file(write(tmp_path, "items: {features: {[a]: 3}}"))


def test_a_key_that_occurs_twice_is_refused(tmp_path):
    text = "items:\n  features:\n    a: {modality: text}\n    'a': {modality: text}\n"
    with pytest.raises(ConfigError, match=r"items.features.a: .* twice \(lines 3 and 4\)"):
        read_dataset_file(write(tmp_path, text))


def test_anchors_and_merges_are_read(tmp_path):
    text = (
        "items: {table: items.csv, id: i, features: {a: &a {modality: text}, b: {<<: *a}}}\n"
        "interactions: {table: log.csv, user: u, item: i}\n"
    )
    assert list(read_dataset_file(write(tmp_path, text)).schema().items) == ["a", "b"]


@pytest.mark.parametrize(
    "text", ["a: &a [*a]", "[" * 100_000, "a: !!python/object:os.x {}", "a: @b"]
)
def test_odd_yaml_is_refused_in_one_line(tmp_path, text):
    with pytest.raises(TfmmrecError) as caught:
        read_dataset_file(write(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path)) and "\n" not in str(caught.value)
