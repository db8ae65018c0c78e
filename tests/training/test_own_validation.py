"""Training events that are held out where a data folder has no valid split."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.once import ONCE
from tests.stopping import AtEpochEnd
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.interactions import EventKinds, Interactions
from tfmmrec.data.packing import pack
from tfmmrec.evaluation.validation import Validation
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.run_file import read_run
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.training.own_validation import _last_events, _with_later, with_validation
from tfmmrec.training.train import train

USERS = 12


def rows_of_users() -> list[str]:
    """Twelve users choose four items in turn for training and one for test; some others differ."""
    rows = [f"u{u},i{(u + n) % 10},{n},5,train" for u in range(USERS) for n in range(4)]
    rows += [f"u{u},i{(u + 4) % 10},4,5,test" for u in range(USERS)]
    # Two events, too few; a last one that repeats the first; a last one that is no positive.
    rows += ["few,i0,0,5,train", "few,i1,1,5,train"]
    rows += [f"again,i{item},{time},5,train" for time, item in enumerate([0, 1, 2, 0])]
    rows += [f"critic,i{n},{n},{1 if n == 3 else 5},train" for n in range(4)]
    return rows


def write(folder: Path, rows: list[str], *, times: bool = True) -> Dataset:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "items.csv").write_text("id,kind\n" + "".join(f"i{n},k{n % 3}\n" for n in range(10)))
    (folder / "log.csv").write_text("\n".join(["user,item,time,stars,part", *rows]) + "\n")
    features = {"kind": {"modality": "categorical"}}
    log = {"table": "log.csv", "user": "user", "item": "item", "rating": "stars"}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {**log, "positive": "stars >= 4", **({"time": "time"} if times else {})},
        "split": {"by": "column", "name": "part"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Dataset:
    return write(tmp_path_factory.mktemp("no_valid"), rows_of_users())


def config(**options) -> TrainConfig:
    return TrainConfig(
        **{**ONCE, "dim": 4, "epochs": 2, "batch_size": 16, "quiet": True, **options}
    )


def held_out(dataset: Dataset, **options) -> set[tuple[str, str]]:
    view = with_validation(dataset, config(**options), quiet=True)
    valid = view.events("valid")
    assert view.num_held_out == len(valid)
    pairs = zip(valid.user.tolist(), valid.item.tolist(), strict=True)
    return {(view.user_ids[user], view.item_ids[item]) for user, item in pairs}


def test_the_last_event_of_each_user_with_three_is_held_out(data):
    regular = {(f"u{u}", f"i{(u + 3) % 10}") for u in range(USERS)}
    # The repeat is not ranked; the last positive of the critic is the event before the last.
    assert held_out(data) == regular | {("critic", "i2")}
    # A rating and a non-click can be predicted, and so can those of a repeat.
    whole = regular | {("critic", "i3"), ("again", "i0")}
    assert held_out(data, task="rating") == held_out(data, task="click") == whole


def test_test_and_the_folder_stay_as_they_are(data):
    view = with_validation(data, config(), quiet=True)
    assert [len(data.events(split)) for split in ("train", "valid", "test")] == [58, 0, 12]
    assert [len(view.events(split)) for split in ("train", "valid", "test")] == [45, 13, 12]
    both, train = view.histories(["train", "valid"]), data.histories(["train"])
    np.testing.assert_array_equal(both.items, train.items)
    np.testing.assert_array_equal(both.offsets, train.offsets)
    # The events after the held-out ones are those of test alone.
    assert view.events("test") is data.events("test")


def test_without_times_the_order_of_the_pack_decides(tmp_path):
    untimed = write(tmp_path, rows_of_users(), times=False)
    histories = untimed.histories(["train"])
    last = {
        (user, untimed.item_ids[histories.of_user(row)[-1]])
        for row, user in enumerate(untimed.user_ids)
        if user.startswith("u")
    }
    assert last <= held_out(untimed)


def test_a_sample_of_many_users_is_always_the_same(data):
    everyone = held_out(data)
    some = held_out(data, validation={"max_users": 10})
    assert len(some) == 10 and some < everyone
    assert held_out(data, validation={"max_users": 10}, seed=1) == some


def test_too_few_users_are_said_and_keep_their_events(tmp_path, capsys):
    few = write(tmp_path, [row for row in rows_of_users() if int("u1" in row or "u2" in row)])
    assert with_validation(few, config(), quiet=False) is few
    assert capsys.readouterr().out == (
        "no valid split, and only 4 users with 3 events or more, of the 10 needed to hold events "
        "out: trains for all 2 epochs\n"
    )


def test_a_valid_split_is_left_alone(small):
    assert with_validation(small, config(), quiet=False) is small
    # Too few items to hold some out.
    assert with_validation(small, config(refit=True), quiet=False) is small


@pytest.mark.slow
def test_without_a_refit_the_first_model_is_kept(data, tmp_path, capsys):
    metrics = train(data.folder, tmp_path / "run", config(quiet=False, epochs=1))
    assert metrics["num_held_out"] == read_run(tmp_path / "run")["metrics"]["num_held_out"] == 13
    assert 0 <= metrics["ndcg@10"] <= 1
    line = "no valid split: the last event of 13 users is held out to choose the epochs\n"
    assert line in capsys.readouterr().out
    loaded = load_run(tmp_path / "run", quiet=True)
    assert loaded.statistics.counts.sum() == data.histories(["train"]).counts(10).sum() - 13


@pytest.mark.parametrize("task", ["rating", "click"])
def test_outcomes_are_held_out_too(data, task):
    view = with_validation(data, config(task=task), quiet=True)
    bundle = build_bundle(view, config(task=task))
    scorer = Scorer(bundle.model)
    metrics = Validation(bundle, scorer).metrics(scorer.item_vectors())
    assert np.isfinite(metrics[config(task=task).objective_spec.name])


@pytest.mark.slow
def test_a_resumed_training_holds_out_the_same(data, tmp_path):
    given = config(refit=True)
    whole = train(data.folder, tmp_path / "whole", given)
    with pytest.raises(KeyboardInterrupt):
        train(data.folder, tmp_path / "run", given, callbacks=[AtEpochEnd(3)])
    again = train(data.folder, tmp_path / "run", given, resume=True)
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}
    weights = [load_run(tmp_path / n, quiet=True).model.get_weights() for n in ("whole", "run")]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_of_a_log_with_kinds_the_last_purchase_and_what_is_later_is_held_out():
    # By user: kinds in order of time. User 1 has two positives before the purchase, user 2 one.
    users = {0: "vbvbvs", 1: "vvb", 2: "vbv"}
    weights = {"v": 0.1, "b": 1.0, "s": -1.0}
    weight = np.array([weights[kind] for kinds in users.values() for kind in kinds], np.float32)
    user = np.array([user for user, kinds in users.items() for _ in kinds], np.int32)
    num = len(user)
    events = Interactions(
        user=user,
        item=np.arange(num, dtype=np.int32),
        time=np.zeros(num, np.int64),
        rating=np.full(num, np.nan, np.float32),
        positive=weight > 0,
        order=np.concatenate([np.arange(len(kinds)) for kinds in users.values()]),
        part=np.zeros(num, np.int8),
        weight=weight,
    )
    last = _last_events(events, "retrieval", EventKinds(weights))
    assert last.tolist() == [3, 8]
    assert _with_later(events, last).tolist() == [3, 4, 5, 8]
