"""Recommendations for users who are not in the data, and of a part of the items."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import rich.console
import tensorflow as tf
import yaml

from tests.once import ONCE
from tfmmrec.cli import main
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.errors import ConfigError, TfmmrecError
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.run_folder import load_run, save_run
from tfmmrec.reports.recommendations import print_recommendations
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.item_filter import matching_items
from tfmmrec.serving.serving_model import ServingModel


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run with fresh weights, of items with several types and of users with two features."""
    folder = tmp_path_factory.mktemp("filtered")
    (folder / "items.csv").write_text(
        "id,name,types,year,year_sold\n"
        'a,Ash,fire|ice,1990,2001\nb,Bay,water,2000,\nc,Cor,,1995,2002\n"d,e",Dee,ice,,2003\n'
        "f,Fay,fire,2010,2004\n"
    )
    (folder / "users.csv").write_text("id,age,country\nu,30,DE\nv,40,FR\n")
    log = ["user,item", "u,a", "u,b", 'v,"d,e"', "v,f", "u,c"]
    (folder / "log.csv").write_text("\n".join(log) + "\n")
    number, category = {"modality": "number"}, {"modality": "categorical"}
    content = {
        "items": {
            "table": "items.csv",
            "id": "id",
            "features": {
                "name": {"modality": "text"},
                "types": {**category, "separator": "|"},
                "year": number,
                "year_sold": number,
            },
        },
        "users": {
            "table": "users.csv",
            "id": "id",
            "features": {"age": number, "country": category},
        },
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
        "split": {"by": "none"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    config = TrainConfig(**{**ONCE, "dim": 4, "quiet": True})
    (folder / "run").mkdir()
    save_run(folder / "run", build_bundle(Dataset(folder / "data"), config), {})
    return folder / "run"


def test_a_history_is_that_of_a_served_request(run):
    served = ServingModel(load_run(run))
    absent = {"age": tf.constant([np.nan]), "country": tf.constant([[""]])}
    given = {"age": tf.constant([30.0]), "country": tf.constant([["FR"]])}
    for user, features in (({}, absent), ({"age": "30", "country": "FR"}, given)):
        items, scores = served.recommend(
            tf.constant([["b", "d,e"]]), tf.constant([["f"]]), tf.constant([5]), features
        )
        [line] = recommend(run, history='b,"d,e"', user=user, exclude="f", quiet=True)
        expected = [name.decode() for name in items.numpy()[0] if name]
        assert (line["user"], line["items"]) == (None, expected)
        assert sorted(expected) == ["a", "c"]
        np.testing.assert_allclose(line["scores"], scores.numpy()[0][:2], atol=1e-5)
    # Typed values and lists are the same in Python.
    assert recommend(
        run, history=["b", "d,e"], user={"age": 30, "country": "FR"}, exclude=["f"], quiet=True
    ) == [line]


def test_the_history_of_a_known_user_gives_the_same_answer(run):
    [known] = recommend(run, users="v", quiet=True)
    [new] = recommend(run, history='"d,e",f', user={"age": 40, "country": "FR"}, quiet=True)
    assert new["items"] == known["items"]
    assert new["scores"] == pytest.approx(known["scores"], abs=1e-5)


@pytest.mark.parametrize(
    ("condition", "items"),
    [
        ("types=fire", ["a", "f"]),
        ("types = ice", ["a", "d,e"]),
        # An item without types has no other type either.
        ("types!=fire", ["b", "d,e"]),
        ("year=1990", ["a"]),
        ("year!=1990", ["b", "c", "f"]),
        ("year>=2000", ["b", "f"]),
        ("year < 1995", ["a"]),
        ("year<=1995.0", ["a", "c"]),
        ("year>2000", ["f"]),
        # Not year, followed by other characters.
        ("year_sold>2002", ["d,e", "f"]),
    ],
)
def test_conditions(run, condition, items):
    dataset = load_run(run).dataset
    found = np.flatnonzero(matching_items(dataset, condition))
    assert [dataset.item_ids[row] for row in found] == items


def test_all_conditions_hold(run):
    [line] = recommend(run, history="b", where=["types=fire", "year<2000"], quiet=True)
    assert line["items"] == ["a"]
    [line] = recommend(run, history="b", where="types=fire", exclude=["f"], quiet=True)
    assert line["items"] == ["a"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"where": "type=fire"}, "--where: no feature 'type'; did you mean 'types'?"),
        ({"where": "zzz=1"}, "--where: no feature 'zzz'; there are name, types, year, year_sold"),
        ({"where": "types=fier"}, "--where: types has no category 'fier'; did you mean 'fire'?"),
        ({"where": "types<fire"}, "--where: types has categories; compare them by = or !="),
        ({"where": "types"}, "--where: 'types': write types=VALUE, or another of =, !=, <"),
        ({"where": "types==fire"}, "--where: 'types==fire': write =, as in types=fire"),
        ({"where": "year >== 2000"}, "--where: 'year >== 2000': write >=, as in year>=2000"),
        ({"where": "year>new"}, "--where: year is a number. Received: 'new'"),
        ({"where": "name=Ash"}, "--where: name is text; only categories and numbers"),
        ({"where": ["types=fire", "year>3000"]}, "no item has types=fire and year>3000"),
        ({"history": "a,x"}, "--history: 'x' is no item of"),
        ({"exclude": '"d,f"'}, "--exclude: 'd,f' is no item of .*; did you mean 'd,e'"),
        ({"user": {"ages": 3}}, "--user: the model reads no user feature 'ages'; did you mean 'a"),
        ({"user": {"country": "D"}}, "--user: country has no category 'D'; did you mean 'DE'?"),
        ({"user": {"age": "old"}}, "--user: age: "),
        ({"users": 2}, "users: give a text or a list of texts. Received: 2"),
        ({"users": ["u", 5]}, "users: ids are texts: write '5'. Received: 5"),
        ({"history": [3]}, "history: ids are texts: write '3'. Received: 3"),
        ({"k": "3"}, "k: a whole number is needed. Received: '3'"),
        ({"user": "2"}, "user: give the features of a user .* give users. Received: '2'"),
        ({"history": "a", "users": "u"}, "--users: --history and --user describe a user who is"),
        ({"user": {"age": 3}, "split": "test"}, "--split: --history and --user describe"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run, options, reason):
    with pytest.raises(TfmmrecError, match=reason) as caught:
        recommend(run, quiet=True, **options)
    assert "\n" not in str(caught.value)


def test_the_command_line(run, capsys):
    arguments = ["recommend", str(run), "--history", "b", "--user", "age=30", "--user"]
    arguments += ["country=FR", "--where", "types=fire", "--where", "year<2000", "--quiet"]
    assert main(arguments) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["user"], line["items"], line["titles"]) == (None, ["a"], ["Ash"])
    assert main(["recommend", str(run), "--user", "age", "--quiet"]) == 1
    assert "for a user of the data, write --users ID. Received: 'age'" in capsys.readouterr().err


def test_a_table_has_the_rank_and_the_text_of_each_item(run):
    out = io.StringIO()
    console = rich.console.Console(file=out, width=100)
    lines = recommend(run, users="u,v", k=2, quiet=True)
    print_recommendations(run, lines, console)
    for line in lines:
        assert f"user {line['user']}" in out.getvalue()
    words = [row.split() for row in out.getvalue().splitlines()]
    name = {"a": "Ash", "b": "Bay", "c": "Cor", "d,e": "Dee", "f": "Fay"}
    for line in lines:
        for rank, (item, score) in enumerate(zip(line["items"], line["scores"], strict=True), 1):
            assert [str(rank), f"{score:.4f}", item, name[item]] in words
    many = io.StringIO()
    print_recommendations(run, lines * 6, rich.console.Console(file=many, width=100))
    assert "and 2 more users; --out FILE writes all of them" in many.getvalue()


def test_users_and_a_new_user_exclude_each_other(run):
    with pytest.raises(ConfigError, match="leave --users out"):
        recommend(run, users="all", history="a", quiet=True)
