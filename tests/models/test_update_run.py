"""A run that is updated to other data answers as before, by id, and knows what is new."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.once import ONCE
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import MANIFEST
from tfmmrec.errors import DataError
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.run_folder import load_run, save_run
from tfmmrec.models.update_run import update
from tfmmrec.reports.explain import explain
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.export import export
from tfmmrec.serving.search import search
from tfmmrec.serving.serving_model import ServingModel
from tfmmrec.training.train import train

Lines = Callable[[list[str]], list[str]]


def as_is(lines: list[str]) -> list[str]:
    return lines


def backwards(lines: list[str]) -> list[str]:
    return lines[::-1]


@pytest.fixture
def pack_changed(small, tmp_path) -> Callable[..., Path]:
    """Packs the tables of `small` with other rows, or with other features."""

    def packed(items: Lines = as_is, log: Lines = as_is, features: dict | None = None) -> Path:
        folder = tmp_path / f"data{len(list(tmp_path.glob('data*')))}"
        folder.mkdir()
        for name, change in (("items.csv", items), ("log.csv", log)):
            header, *rows = (small.folder.parent / name).read_text().splitlines()
            (folder / name).write_text("\n".join([header, *change(rows)]) + "\n")
        content = yaml.safe_load((small.folder.parent / "set.yaml").read_text())
        content["items"]["features"] = features or content["items"]["features"]
        (folder / "set.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
        return folder / "data"

    return packed


def answers(run: Path, users: str = "all") -> dict[str, dict[str, float]]:
    """The score of each item by user."""
    lines = recommend(run, users=users, quiet=True, k=len(load_run(run).dataset.item_ids))
    return {line["user"]: dict(zip(line["items"], line["scores"], strict=True)) for line in lines}


def assert_same_answers(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys()
    for user, scores in expected.items():
        assert found[user] == pytest.approx(scores, abs=1e-5)


def test_the_same_data_gives_the_same_answers(small, small_run, tmp_path):
    counts = update(small_run, small.folder, tmp_path / "run")
    assert counts["items"] == {"kept": 10, "new": 0, "removed": 0}
    assert counts["users"] == {"kept": 20, "new": 0, "removed": 0}
    assert_same_answers(answers(tmp_path / "run"), answers(small_run))
    words = [search(run, text="red", k=4) for run in (small_run, tmp_path / "run")]
    assert [one["item"] for one in words[0]] == [one["item"] for one in words[1]]
    assert (
        json.loads((tmp_path / "run/run.json").read_text())["metrics"]
        == (json.loads((small_run / "run.json").read_text())["metrics"])
    )


def test_rows_in_another_order_give_the_same_answers_by_id(small_run, pack_changed, tmp_path):
    data = pack_changed(backwards, backwards)
    update(small_run, data, tmp_path / "run")
    assert Dataset(data).item_ids == load_run(small_run).dataset.item_ids[::-1]
    assert_same_answers(answers(tmp_path / "run"), answers(small_run))
    one, other = (explain(run, user="u3", item="i1") for run in (small_run, tmp_path / "run"))
    assert other.score == pytest.approx(one.score, abs=1e-5)
    assert other.modalities == pytest.approx(one.modalities, abs=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"query": {"kind": "id"}}, id="query"),
        pytest.param({"task": "click"}, id="task", marks=pytest.mark.slow),
        pytest.param({"fusion": {"kind": "late"}}, id="fusion", marks=pytest.mark.slow),
    ],
)
def test_all_weights_with_a_row_per_item_or_user_move(small, pack_changed, tmp_path, options):
    bundle = build_bundle(small, TrainConfig(**{**ONCE, "dim": 4, "quiet": True, **options}))
    random = np.random.default_rng(0)
    for variable in bundle.model.trainable_variables:
        # Small enough that no probability of a click is rounded to 1.
        variable.assign_add(0.2 * random.normal(size=variable.shape).astype(np.float32))
    (tmp_path / "run").mkdir()
    save_run(tmp_path / "run", bundle, {})
    update(tmp_path / "run", pack_changed(backwards, backwards), tmp_path / "updated")
    before = answers(tmp_path / "run")
    assert len({round(score, 4) for own in before.values() for score in own.values()}) > 20
    assert_same_answers(answers(tmp_path / "updated"), before)
    # And back again, from the updated run.
    update(tmp_path / "updated", small.folder, tmp_path / "back")
    assert_same_answers(answers(tmp_path / "back"), before)


def test_new_items_are_embedded_by_their_content(small_run, pack_changed, tmp_path):
    # The same values as item 3; the genre of another one is not in the vocabulary.
    new = ["i10,red,green,1,3", "i11,red,green,opera,3"]
    update(small_run, pack_changed(lambda rows: [*rows, *new]), tmp_path / "run")
    bundle = load_run(tmp_path / "run")
    rows = bundle.dataset.item_rows
    table = bundle.items.encodings["genre"].values
    assert table[rows["i11"]].tolist() == [1], "the entry of unknown categories"
    assert table[rows["i10"]].tolist() == table[rows["i3"]].tolist()
    (same,) = search(tmp_path / "run", item="i10", k=1)
    assert (same["item"], same["score"]) == ("i3", pytest.approx(1, abs=1e-5))
    # As the served model embeds an item that it does not know.
    values = {"title": "red", "plot": "green", "genre": ["1"], "year": 3.0}
    served = ServingModel(bundle).encode_items(
        {name: tf.constant([value]) for name, value in values.items()}
    )
    np.testing.assert_allclose(bundle.catalog().item[rows["i10"]], served[0], atol=1e-5)
    # Known items and users have the same scores as before; the new items are ranked among them.
    found, before = answers(tmp_path / "run"), answers(small_run)
    for user, scores in before.items():
        assert {"i10", "i11"} <= found[user].keys()
        assert {i: found[user][i] for i in scores} == pytest.approx(scores, abs=1e-5)


def test_a_new_user_is_read_from_the_history(small_run, pack_changed, tmp_path):
    log = [f"new,i{number},{number}" for number in (1, 4, 2)]
    update(small_run, pack_changed(log=lambda rows: [*rows, *log]), tmp_path / "run")
    [found] = answers(tmp_path / "run", "new").values()
    served = ServingModel(load_run(small_run))
    items, scores = served.recommend(
        tf.constant([["i1", "i2", "i4"]]), tf.constant([[""]]), tf.constant([7]), {}
    )
    expected = dict(zip(items.numpy()[0].astype(str), scores.numpy()[0].tolist(), strict=True))
    assert found == pytest.approx(expected, abs=1e-5)


def test_removed_items_and_users_are_gone(small_run, pack_changed, tmp_path):
    def without(name: str) -> Lines:
        return lambda rows: [row for row in rows if name not in row.split(",")]

    data = pack_changed(without("i7"), lambda rows: without("i7")(without("u0")(rows)))
    counts = update(small_run, data, tmp_path / "run")
    assert counts["items"] == {"kept": 9, "new": 0, "removed": 1}
    assert counts["users"] == {"kept": 19, "new": 0, "removed": 1}
    found = answers(tmp_path / "run")
    assert "u0" not in found and all("i7" not in scores for scores in found.values())
    assert all(one["item"] != "i7" for one in search(tmp_path / "run", text="green", k=9))


def test_other_features_are_refused_and_leave_no_folder(small_run, pack_changed, tmp_path):
    features = {
        "title": {"modality": "text"},
        "genre": {"modality": "categorical"},
        "year": {"modality": "number"},
    }
    cases = {
        "items have no feature 'plot', which the model of": features,
        "items.plot: modality is 'categorical', but the model of .* was trained with 'text'": {
            **features,
            "plot": {"modality": "categorical"},
        },
    }
    for reason, changed in cases.items():
        with pytest.raises(DataError, match=reason):
            update(small_run, pack_changed(features=changed), tmp_path / "run")
        assert not (tmp_path / "run").exists()
    # Another order is no obstacle.
    more = {**features, "plot": {"modality": "text"}}
    data = pack_changed(features={name: more[name] for name in ("year", "plot", "genre", "title")})
    update(small_run, data, tmp_path / "run")
    assert_same_answers(answers(tmp_path / "run"), answers(small_run))


def test_an_updated_run_is_complete(small, small_run, pack_changed, tmp_path):
    # Without the last event of each user, the valid split has events that were trained on.
    data = pack_changed(log=lambda rows: [row for n, row in enumerate(rows) if n % 6 < 5])
    update(small_run, data, tmp_path / "run")
    assert evaluate(tmp_path / "run", quiet=True).metrics["warm"] is not None
    with pytest.raises(DataError, match=r"split valid: the model was trained on \d+ of its pos"):
        evaluate(tmp_path / "run", split="valid", quiet=True)
    with pytest.raises(DataError, match="was written by tfmmrec update; there is no training"):
        train(data, tmp_path / "run", resume=True)
    version = export(tmp_path / "run", tmp_path / "models" / "m", quiet=True)
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    answer = served(history=tf.constant([["i1"]]), exclude=tf.constant([[""]]), k=tf.constant([3]))
    assert answer["items"].shape == (1, 3)


def test_without_the_data_of_the_training_leakage_is_not_known(
    small, small_run, pack_changed, tmp_path, capsys
):
    run = shutil.copytree(small_run, tmp_path / "moved")
    content = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**content, "data": str(tmp_path / "gone")}))
    update(run, pack_changed(), tmp_path / "run")
    evaluate(tmp_path / "run", quiet=True)
    assert "the data of its training no longer exists" in capsys.readouterr().err


def test_data_that_changed_is_refused_with_the_command_that_updates(
    small, small_run, pack_changed, tmp_path
):
    data = pack_changed()
    update(small_run, data, tmp_path / "run")
    manifest = data / MANIFEST
    manifest.write_text(manifest.read_text() + "\n")
    with pytest.raises(DataError, match=f"run tfmmrec update {tmp_path}/run --data {data}"):
        load_run(tmp_path / "run")
