"""Queries are packed like items, and a text is found in whichever feature it fits."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tfmmrec.cli import main
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.run_folder import load_run, save_run
from tfmmrec.serving.export import export
from tfmmrec.serving.search import _query_values, search
from tfmmrec.serving.serving_model import ServingModel


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    pytest.importorskip("regex", reason="tokens need tfmmrec[preprocessing]")
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "items.csv").write_text("id,title,plot,year\n1,<b>A Cow</b>,Grass,1990\n")
    (folder / "log.csv").write_text("user,item\na,1\n")
    features = {
        "title": {"modality": "text", "steps": ["clean", "tokens"]},
        "plot": {"modality": "text"},
        "year": {"modality": "number"},
    }
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
    }
    (folder / "films.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "films.yaml", tmp_path / "data", PackConfig(quiet=True))
    return Dataset(tmp_path / "data")


def test_a_query_goes_through_the_steps_of_the_features(dataset):
    values = _query_values(dataset, dataset.schema.items, {"text": "<i>Two  Cows</i>"})
    # The year is absent, and needs no encoder.
    assert {name: value.numpy().tolist() for name, value in values.items()} == {
        "title": [b"Two Cows"],
        "title_tokens": [b"two cows"],
        # The plot declares no steps.
        "plot": [b"<i>Two  Cows</i>"],
    }


def test_invalid_queries_are_refused(dataset, tmp_path):
    with pytest.raises(ConfigError, match="--text: nothing to search for"):
        _query_values(dataset, dataset.schema.items, {"text": "  "})
    with pytest.raises(ConfigError, match=r"--image: the model reads no image of the items"):
        _query_values(dataset, dataset.schema.items, {"image": tmp_path / "none.png"})
    with pytest.raises(DataError, match="--text: not valid UTF-8"):
        _query_values(dataset, dataset.schema.items, {"text": "\ud800"})


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run with fresh weights, of books with texts in several scripts."""
    folder = tmp_path_factory.mktemp("books")
    (folder / "items.csv").write_text(
        "id,title,authors,blurb\n"
        "a,The Silver Otter,Ada Brandt|Ben Ruiz,A river and a city\n"
        "b,A River,Cem Okul,The otter that is silver and the river that is cold\n"
        "c,Pokémon,,\n"
        "d,東京の川,Ben Ruiz,\n"
        "e,The Silver Otter,Dora Brandt,A second edition\n"
        "f,,,\n",
        encoding="utf-8",
    )
    log = "".join(f"{user},{item}\n" for user in "uvw" for item in "abcde")
    (folder / "log.csv").write_text("user,item\n" + log)
    text = {"modality": "text"}
    features = {"title": text, "authors": {**text, "separator": "|"}, "blurb": text}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
        "split": {"by": "none"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    config = TrainConfig(dim=8, query={"kind": "mean"}, quiet=True)
    (folder / "run").mkdir()
    save_run(folder / "run", build_bundle(Dataset(folder / "data"), config), {})
    return folder / "run"


@pytest.fixture(scope="module")
def served(run) -> ServingModel:
    return ServingModel(load_run(run, quiet=True))


def _find(served: ServingModel, texts: list[str], k: int = 6) -> list[list[tuple[str, float]]]:
    """Items with their scores of several queries, each in all text features."""
    queries = tf.constant(texts)
    values = {"title": queries, "authors": queries[:, tf.newaxis], "blurb": queries}
    items, scores = served.search(values, tf.fill([len(texts)], k))
    return [
        [(item.decode(), float(score)) for item, score in zip(*row, strict=True)]
        for row in zip(items.numpy(), scores.numpy(), strict=True)
    ]


def test_known_items_come_first(served):
    expected = {
        "a river": "b",
        "silver otter": "ae",  # Equal titles come before the blurb with both words.
        "silver otter dora": "e",  # words of two features
        "the silvr oter dora": "e",
        "Ben Ruiz": "d",  # the only author
        "pokemon": "c",
        "川": "d",
        "東京": "d",
        "second edition zzqx": "e",
        "river = otter": "b",
    }
    for (query, items), found in zip(expected.items(), _find(served, list(expected)), strict=True):
        assert {item for item, _ in found[: len(items)]} == set(items), query


def test_a_query_of_one_feature(run):
    for query, item in {
        "title=a river": "b",
        "blurb=a river and a city": "a",
        "publisher=Pokémon": "c",  # There is no such feature, so this is a text.
    }.items():
        assert search(run, text=query, k=1)[0]["item"] == item


def test_equal_texts_have_equal_words_and_come_before_others(run):
    first, second, third = search(run, text="title=The Silver Otter", k=3)
    assert {first["item"], second["item"]} == {"a", "e"}
    assert second["score"] > 0.8
    assert third["score"] < 0.6


def test_a_feature_that_does_not_exist_is_named_and_the_text_searched_for(run, capsys):
    assert search(run, text="titel=The Silver Otter", k=1)[0]["item"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tfmmrec: no text feature is named 'titel', so 'titel=The Silver Otter'")
    assert line.endswith("; did you mean title?")


def test_an_item_has_score_1_for_its_own_content(served):
    for row in (0, 2, 3):
        scores = served.content_search.scores(served.content_search.item_query(row))[0]
        assert np.argmax(scores) == row
        # Encodings of length 1 are stored in float16.
        assert float(scores[row]) == pytest.approx(1, abs=1e-4)


def test_a_search_by_an_item_leaves_it_out(run):
    # Six items: five others. The same title comes first.
    found = search(run, item="a")
    assert found[0]["item"] == "e"
    assert sorted(one["item"] for one in found) == list("bcdef")
    assert found[0]["texts"] == {
        "title": "The Silver Otter",
        "authors": "Dora Brandt",
        "blurb": "A second edition",
    }


def test_the_command_prints_json_lines_or_a_table(run, capsys, monkeypatch):
    arguments = ["search", str(run), "--item", "a", "--k", "2"]
    assert main(arguments) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == search(run, item="a", k=2)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(arguments) == 0
    out = capsys.readouterr().out
    words = [" ".join(line.split()) for line in out.splitlines()]
    assert f"1 {lines[0]['score']:.4f} e Dora Brandt A second edition" in words
    assert "A score of 1 is the same content." in words


def test_texts_without_known_words_have_low_scores(served):
    for found in _find(served, ["zzqx", "!?", "🦦", "=", ""]):
        assert all(-1 <= score < 0.5 for _, score in found)


def test_a_feature_without_a_text_is_refused(run):
    with pytest.raises(ConfigError, match="--text: nothing to search for"):
        search(run, text="title=")


def test_the_served_search_has_the_answers_of_the_command(run, tmp_path):
    served = tf.saved_model.load(str(export(run, tmp_path / "books", quiet=True)))
    texts = ["the silvr oter", "東京", "zzqx"]
    queries = tf.constant(texts)
    answers = served.signatures["search"](
        title=queries, authors=queries[:, tf.newaxis], blurb=queries, k=tf.fill([len(texts)], 4)
    )
    for row, text in enumerate(texts):
        found = search(run, text=text, k=4)
        assert [one["item"].encode() for one in found] == answers["items"][row].numpy().tolist()
        np.testing.assert_allclose(
            [one["score"] for one in found], answers["scores"][row], atol=1e-5
        )
    assert load_run(run, quiet=True).saved_words is not None
