"""New users: their past and their targets, what evaluation says of them, what they are answered."""

import io
from pathlib import Path

import numpy as np
import pytest
import rich.console
import yaml

from tests.once import ONCE
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.holdout import context_of, holdout_events
from tfmmrec.data.packing import pack
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.evaluation.measure import measure_model
from tfmmrec.evaluation.ranking.targets import by_segment, targets_of
from tfmmrec.models.bundle import ModelBundle, build_bundle
from tfmmrec.models.run_folder import save_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.reports.evaluation.console import print_metrics
from tfmmrec.serving.batch_recommend import recommend

ITEMS = "abcdefx"
# k1 and k2 are known; x is cold. Of n1, b is no positive; n2's last is cold, n3's is a repetition.
LOG = {
    "k1": "a5train b5train c5train d5valid e5test x5test",
    "k2": "a5train b5train c5valid d5test",
    "n1": "a5test f5test c5test d5test b2test",
    "n2": "a5test x5test",
    "n3": "a5test b5test a5test",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Dataset:
    folder = tmp_path_factory.mktemp("new")
    items = [f"{item},{'red' if item in 'ace' else 'blue'}" for item in ITEMS]
    log = [
        f"{user},{event[0]},{time},{event[1]},{event[2:]}"
        for user, events in LOG.items()
        for time, event in enumerate(events.split())
    ]
    (folder / "items.csv").write_text("\n".join(["id,colour", *items]) + "\n")
    (folder / "log.csv").write_text("\n".join(["user,item,time,stars,part", *log]) + "\n")
    features = {"colour": {"modality": "categorical"}}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {
            **{"table": "log.csv", "user": "user", "item": "item", "time": "time"},
            **{"rating": "stars", "positive": "stars >= 4"},
        },
        "split": {"by": "column", "name": "part"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    # Who is cold is set by hand, and not drawn.
    (folder / "data" / "vocabulary" / "cold_user_ids.txt").write_text("n1\nn2\nn3\n")
    (folder / "data" / "vocabulary" / "cold_item_ids.txt").write_text("x\n")
    return Dataset(folder / "data")


@pytest.fixture(scope="module")
def bundle(data) -> ModelBundle:
    return build_bundle(data, TrainConfig(**ONCE, dim=4, quiet=True))


@pytest.fixture(scope="module")
def run(bundle, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("new-run")
    save_run(folder, bundle, {})
    return folder


def by_user(data: Dataset, histories: Histories) -> dict[str, str]:
    return {
        user: "".join(data.item_ids[item] for item in histories.of_user(row))
        for user, row in data.user_rows.items()
    }


def test_what_a_new_user_did_before_the_last_choice_is_the_past(data):
    # Of n1, the last event is no positive, so that the one before it is asked for.
    past = {"k1": "abcd", "k2": "abc", "n1": "afc", "n2": "a", "n3": "ab"}
    assert by_user(data, context_of(data, "test")) == past
    asked = holdout_events(data, "test")
    rows = zip(asked.user, asked.item, strict=True)
    pairs = [data.user_ids[user] + data.item_ids[item] for user, item in rows]
    assert pairs == ["k1e", "k1x", "k2d", "n1d", "n2x", "n3a"]


def test_on_valid_new_users_have_no_past_and_are_not_asked_for(data):
    past = {"k1": "abc", "k2": "ab", "n1": "", "n2": "", "n3": ""}
    assert by_user(data, context_of(data, "valid")) == past
    assert holdout_events(data, "valid").user.tolist() == [0, 1]
    targets = targets_of(data, "valid")
    assert {name: rows.sum() for name, rows, _ in by_segment(data, targets)} == {
        "warm": 2,
        "cold": 0,
        "new_users": 0,
    }


def test_targets_stand_in_one_table_each(data):
    targets = targets_of(data, "test")
    assert (targets.num_repeats, targets.num_both_cold) == (1, 1)
    found = {
        name: (
            [data.item_ids[item] for item in targets.take(rows).item],
            "".join(np.array(data.item_ids)[candidate_mask]),
        )
        for name, rows, candidate_mask in by_segment(data, targets)
    }
    assert found == {
        "warm": (["e", "d"], "abcdef"),
        "cold": (["x"], "x"),
        "new_users": (["d"], "abcdef"),
    }


def test_new_users_have_a_table_of_their_own(data, run):
    result = evaluate(run, quiet=True).metrics
    assert (result["num_repeats"], result["num_both_cold"]) == (1, 1)
    sizes = {
        name: (result[name]["targets"], result[name]["items"])
        for name in result
        if isinstance(result[name], dict) and name != "outcomes"
    }
    assert sizes == {"warm": (2, 6), "cold": (1, 1), "new_users": (1, 6)}
    # Known users chose a, b, c twice and d once before the test. Of n1, a, f and c are left out:
    # b has 2, d 1, e 0, so that d is the second.
    popular = result["new_users"]["popularity"]
    assert (popular["hr@10"], popular["mrr"]) == (1.0, 0.5)
    # k1's e and f tie, 1.5; k2's d is the first.
    assert result["warm"]["popularity"]["mrr"] == pytest.approx((1 / 1.5 + 1) / 2)
    out = io.StringIO()
    print_metrics(result, rich.console.Console(file=out, width=100))
    for line in (
        "Too few users for a verdict (2; at least 10 are needed)",
        "Cold-start items: Too few users for a verdict (1; at least 10 are needed)",
        "New users: Too few users for a verdict (1; at least 10 are needed)",
        "test: 6 events, 1 repeat left out (the user chose the item before), 1 of new users and",
        # The model trained on train alone, where nobody chose d, e and f.
        "test: 2 targets, 3 warm items and 3 never-chosen items ranked",
        "test: 1 targets, 1 cold-start items ranked",
        "test: new users, 1 targets, 3 warm items and 3 never-chosen items ranked",
        # Two users with three and two such candidates left; their targets are e and d.
        "Of 5 recommendations 5 were never chosen by anybody in training, and of 2 targets 2",
    ):
        assert line in out.getvalue()
    valid = evaluate(run, split="valid", quiet=True).metrics
    assert (valid["cold"], valid["new_users"], valid["num_both_cold"]) == (None, None, 0)


def test_recommend_reads_the_past_that_evaluation_reads(data, bundle, run):
    lines = recommend(run, users="k1,n1,n2,nobody", split="test", quiet=True)
    # What each chose before is left out.
    assert ["".join(sorted(line["items"])) for line in lines] == [
        "efx",
        "bdex",
        "bcdefx",
        "abcdefx",
    ]
    scorer = Scorer(bundle.model)
    histories, row = targets_of(data, "test").histories, data.user_rows["n1"]
    [(_, [scores])] = scorer.scores(scorer.item_vectors(), histories, np.array([row]))
    expected = [scores[data.item_rows[item]] for item in lines[1]["items"]]
    np.testing.assert_allclose(lines[1]["scores"], expected, rtol=1e-5)
    # Nobody has no past, and other scores.
    of_nobody = dict(zip(lines[3]["items"], lines[3]["scores"], strict=True))
    assert not np.allclose([of_nobody[item] for item in lines[1]["items"]], expected)
    # As of now, all that n1 did is left out, b too.
    [now] = recommend(run, users="n1", quiet=True)
    assert sorted(now["items"]) == ["e", "x"]


def test_training_does_not_know_new_users(bundle):
    assert bundle.model.known_users.numpy().tolist() == [True, True, False, False, False]
    # n1's f and n2's x are chosen by new users alone.
    assert bundle.model.known.numpy().tolist() == [True, True, True, False, False, False, False]


def test_figures_of_new_users_with_all_of_the_past_and_with_none(bundle):
    whole, none = measure_model(bundle, k=1), measure_model(bundle, k=1, last=0)
    metrics = ("hr", "precision", "ndcg", "map")
    names = [f"{part} {m}@1" for part in ("warm", "cold", "new_users") for m in metrics]
    assert list(whole) == list(none) == names
    assert whole["new_users hr@1"].shape == (1,)


def test_the_last_items_of_histories():
    histories = Histories(items=np.array([1, 2, 3, 4], np.int32), offsets=np.array([0, 3, 3, 4]))
    recent = histories.recent(2)
    assert [recent.of_user(user).tolist() for user in range(3)] == [[2, 3], [], [4]]
    assert [len(histories.recent(0).of_user(user)) for user in range(3)] == [0, 0, 0]
    assert histories.recent(9).items.tolist() == [1, 2, 3, 4]
