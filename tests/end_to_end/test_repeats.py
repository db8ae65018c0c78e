"""Songs that are heard again: trained, evaluated, recommended, explained, updated and served."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.once import ONCE_WITH_TERMS
from tests.worlds import shared
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.errors import DataError
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.evaluation.measure import measure_model
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.update_run import update
from tfmmrec.reports.explain import explain
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.export import export
from tfmmrec.training.train import train

USERS, ITEMS, EVENTS = 80, 60, 14


def pack_songs(folder: Path, repeats: str) -> None:
    """A log in which six of ten events repeat one of the user's last three songs."""
    draw = np.random.default_rng(0)
    log = []
    for user in range(USERS):
        heard: list[int] = []
        for _ in range(EVENTS):
            again = heard and draw.random() < 0.6
            heard.append(int(draw.choice(heard[-3:])) if again else int(draw.integers(ITEMS)))
        log += [
            {"user_id": f"u{user}", "item_id": f"i{item}", "timestamp": 1_700_000_000 + n}
            for n, item in enumerate(heard)
        ]
    path = write_catalog(
        folder / "tables",
        name="songs",
        items=[{"item_id": f"i{n}", "genre": f"g{n % 5}"} for n in range(ITEMS)],
        item_features={"genre": {"modality": "categorical"}},
        interactions=log,
        repeats=repeats,
    )
    pack(path, folder / "data", PackConfig(quiet=True))


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> Path:
    return shared(tmp_path_factory, "songs", lambda out: pack_songs(out, "allow")) / "data"


@pytest.fixture(scope="module")
def run(songs, tmp_path_factory) -> Path:
    """No shared world has repeats."""
    config = TrainConfig(
        **{**ONCE_WITH_TERMS, "dim": 8, "epochs": 3, "batch_size": 64, "quiet": True}
    )
    return shared(tmp_path_factory, "songs_run", lambda out: train(songs, out, config))


def test_repeats_are_targets(songs):
    dataset = Dataset(songs)
    targets = targets_of(dataset, "test")
    assert dataset.schema.allows_repeats
    assert (len(targets.user), targets.num_repeats) == (USERS, 0)
    assert 0.4 < targets.are_repeats.mean() < 0.8
    assert not len(targets.excluded.items)
    by_hand = [
        item in targets.histories.of_user(user)
        for user, item in zip(targets.user, targets.item, strict=True)
    ]
    assert targets.are_repeats.tolist() == by_hand


def test_the_term_is_fitted_and_finds_them(run):
    bundle = load_run(run, quiet=True)
    # Own items come from the term alone where no other says which they are.
    bundle.model.item_tower.closed_form.term_weights.assign([0.6, 0.25, 0.0, 0.0, 0.0, 0.0])
    term = bundle.model.repeat_term
    assert term.describe()["activation"] > 0.3
    whole = measure_model(bundle)["warm ndcg@10"].mean()
    term.term_weights.assign([0.0, 0.0, 0.0])
    # Three songs in turn, after which nothing is known: 0.6 times 0.71 at the most.
    assert whole > measure_model(bundle)["warm ndcg@10"].mean() + 0.1


def test_the_report_compares_with_own_items(run):
    warm = evaluate(run, quiet=True).metrics["warm"]
    found = {
        name.split(" (")[0]: own["ndcg@10"]
        for name, own in warm.items()
        if isinstance(own, dict) and "ndcg@10" in own
    }
    assert {"EASE + own items", "item-kNN + own items"} <= found.keys()
    assert found["own items"] > 2 * found["popularity"]
    assert found["model"] > 0.9 * found["own items"]
    slices = {(own["group"], own["name"]) for own in warm["slices"]}
    assert {("item of the history", "yes"), ("item of the history", "no")} <= slices


def test_lists_have_own_items_and_are_those_that_are_served(run, tmp_path):
    lines, dataset = recommend(run, k=5, quiet=True), load_run(run).dataset
    histories = dataset.histories(["train", "valid", "test"])
    own = [
        len({dataset.item_rows[item] for item in line["items"]} & set(histories.of_user(row)))
        for row, line in enumerate(lines)
    ]
    assert np.mean(own) > 1.5
    # One answer by history alone, from the command and from the served model.
    past = ["i1", "i2", "i1", "i3"]
    (line,) = recommend(run, history=past, k=5, exclude=["i3"], quiet=True)
    assert line["items"][0] == "i1"
    assert "i3" not in line["items"]
    served = tf.saved_model.load(str(export(run, tmp_path / "songs", quiet=True)))
    answer = served.signatures["serving_default"](
        history=tf.constant([past]), exclude=tf.constant([["i3"]]), k=tf.constant([5])
    )
    assert [name.decode() for name in answer["items"].numpy()[0]] == line["items"]
    assert answer["scores"].numpy()[0] == pytest.approx(line["scores"], rel=1e-4)


def test_an_explanation_says_how_much_is_for_the_repeat(run):
    dataset = load_run(run).dataset
    last = dataset.item_ids[dataset.histories(["test"]).of_user(0)[-1]]
    user = dataset.user_ids[0]
    found = explain(run, user=user, item=last, quiet=True)
    (line,) = recommend(run, users=[user], k=ITEMS, quiet=True)
    assert found.score == pytest.approx(line["scores"][line["items"].index(last)], abs=1e-3)
    assert sum(found.modalities.values()) + found.repeat == pytest.approx(found.score, abs=1e-3)
    assert found.repeat != 0.0
    assert "(chosen before)" in found.sentence
    other = next(item for item in line["items"] if item not in {own[0] for own in found.history})
    assert explain(run, user=user, item=other, quiet=True).repeat == 0.0


def test_an_update_keeps_the_term_and_asks_for_data_of_the_same_kind(run, songs, tmp_path):
    update(run, songs, tmp_path / "again")
    assert recommend(tmp_path / "again", k=5, quiet=True) == recommend(run, k=5, quiet=True)
    pack_songs(tmp_path / "other", "exclude")
    with pytest.raises(DataError, match=r"interactions\.repeats.*train again"):
        update(run, tmp_path / "other" / "data", tmp_path / "updated")
    assert not (tmp_path / "updated").exists()
