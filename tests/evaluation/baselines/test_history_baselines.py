"""Recency: chosen on valid where the last events tell the next, and only where order is known."""

import re

import numpy as np
import pytest
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import context_of
from tfmmrec.data.interaction_matrix import interaction_matrix
from tfmmrec.data.packing import pack
from tfmmrec.evaluation.baselines import history_baselines
from tfmmrec.evaluation.baselines.history_baselines import HistoryBaselines
from tfmmrec.evaluation.baselines.interactions import decayed_interaction_matrix
from tfmmrec.evaluation.baselines.score_functions import of_histories, ranker_of
from tfmmrec.evaluation.measure import measure
from tfmmrec.evaluation.ranking.targets import targets_of

NUM_USERS, GROUPS, GROUP_SIZE = 60, 4, 8
NUM_ITEMS = GROUPS * GROUP_SIZE
# Each item's group, as content.
CONTENT = np.repeat(np.eye(GROUPS), GROUP_SIZE, axis=0) - 1.0 / GROUPS


def write(folder, *, times: bool) -> Dataset:
    """Users who choose five items of one group, then four of another: the last group is the next.

    The last event of a user is in test, the one before it in valid.
    """
    generator = np.random.default_rng(0)
    rows = []
    for user in range(NUM_USERS):
        first, second = generator.choice(GROUPS, 2, replace=False)
        older = generator.choice(GROUP_SIZE, 5, replace=False) + GROUP_SIZE * first
        newer = generator.choice(GROUP_SIZE, 4, replace=False) + GROUP_SIZE * second
        parts = ["train"] * 7 + ["valid", "test"]
        for time, (item, part) in enumerate(zip([*older, *newer], parts, strict=True)):
            rows.append(f"u{user},i{item},{part},{1000 + time}")
    folder.mkdir()
    (folder / "items.csv").write_text("\n".join(["id", *(f"i{n:d}" for n in range(NUM_ITEMS))]))
    (folder / "log.csv").write_text("\n".join(["user,item,part,time", *rows]) + "\n")
    log = {"table": "log.csv", "user": "user", "item": "item"}
    if times:
        log["time"] = "time"
    content = {
        "items": {"table": "items.csv", "id": "id", "features": {}},
        "interactions": log,
        "split": {"by": "column", "name": "part"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


@pytest.fixture(scope="module")
def timed(tmp_path_factory) -> Dataset:
    return write(tmp_path_factory.mktemp("recency") / "timed", times=True)


@pytest.fixture(scope="module")
def untimed(tmp_path_factory) -> Dataset:
    return write(tmp_path_factory.mktemp("recency") / "untimed", times=False)


def ndcg(dataset, ranker) -> float:
    return measure(dataset, targets_of(dataset, "test"), ranker)["warm ndcg@10"].mean()


def content_of(dataset) -> np.ndarray:
    return CONTENT[[int(item[1:]) for item in dataset.item_ids]]


def test_where_the_last_events_tell_the_next_the_history_decays(timed):
    own = HistoryBaselines(timed, "test")
    past = context_of(timed, "test")
    for name, chosen in own.chosen.items():
        assert chosen.decay < 1.0
        assert own.label(name) == f"{name} ({chosen.value:g}, decay {chosen.decay:g})"
        without = decayed_interaction_matrix(past, NUM_ITEMS, 1.0)
        plain = ranker_of(of_histories(own.fitted[name], without))
        # Five older events of another group outvote three newer ones.
        assert ndcg(timed, own.item_item_rankers()[own.label(name)]) > ndcg(timed, plain) + 0.1
    cosine, *_ = own.content_rankers(content_of(timed))
    decay = float(re.fullmatch(r"content cosine \(decay (.+)\)", cosine)[1])
    assert decay < 1.0


def test_without_times_the_baselines_are_those_without_decay(untimed):
    own = HistoryBaselines(untimed, "test")
    interactions = interaction_matrix(untimed.histories(("train", "valid")), NUM_ITEMS)
    for name, chosen in own.chosen.items():
        assert chosen.decay == 1.0 and own.label(name) == f"{name} ({chosen.value:g})"
        fit, _ = history_baselines.ITEM_ITEM_BASELINES[name]
        expected = fit(interactions, chosen.value)(interactions)
        users = np.arange(NUM_USERS)
        np.testing.assert_allclose(own.scores(name)(users), expected, atol=1e-12)
    cosine, *sums = own.content_rankers(content_of(untimed))
    assert cosine == "content cosine"
    assert [name.split(" (")[0] for name in sums] == ["EASE + content", "item-kNN + content"]


def test_a_decay_of_1_is_item_knn_as_published(timed, monkeypatch):
    monkeypatch.setattr(history_baselines, "DECAYS", (1.0,))
    own = HistoryBaselines(timed, "test")
    interactions = interaction_matrix(timed.histories(("train", "valid")), NUM_ITEMS)
    chosen, (fit, _) = own.chosen["item-kNN"], history_baselines.ITEM_ITEM_BASELINES["item-kNN"]
    assert own.label("item-kNN") == f"item-kNN ({chosen.value:g}, decay 1)"
    expected = fit(interactions, chosen.value)(interactions)
    np.testing.assert_array_equal(own.scores("item-kNN")(np.arange(60)), expected)


def test_a_model_is_fitted_once_for_all_decays_and_once_for_all_weights(timed, monkeypatch):
    fit, values = history_baselines.ITEM_ITEM_BASELINES["EASE"]
    fitted_to = []

    def counted(interactions, value):
        fitted_to.append((int(interactions.sum()), value))
        return fit(interactions, value)

    monkeypatch.setattr(history_baselines, "ITEM_ITEM_BASELINES", {"EASE": (counted, values)})
    own = HistoryBaselines(timed, "test")
    own.item_item_rankers()
    # 7 events of a user are before valid, 8 before test.
    valid, test = 7 * NUM_USERS, 8 * NUM_USERS
    best = own.chosen["EASE"].value
    tuned = [*((valid, value) for value in values), (valid, best), (test, best)]
    assert fitted_to == tuned
    own.content_rankers(content_of(timed))
    assert fitted_to == [*tuned, (valid, best)]


def test_content_that_tells_nothing_gets_the_smallest_weight(timed):
    own = HistoryBaselines(timed, "test")
    # The items of each group, spread over all contents.
    noise = CONTENT[np.random.default_rng(0).permutation(NUM_ITEMS)]
    assert "item-kNN + content (0.1)" in own.content_rankers(noise)


def test_on_valid_the_middle_candidates_are_taken(timed):
    own = HistoryBaselines(timed, "valid")
    # Of five values the third, and of six decays and weights the fourth.
    assert list(own.item_item_rankers()) == ["EASE (200, decay 0.8)", "item-kNN (100, decay 0.8)"]
    assert list(own.content_rankers(content_of(timed))) == [
        "content cosine (decay 0.8)",
        "EASE + content (0.5)",
        "item-kNN + content (0.5)",
    ]
