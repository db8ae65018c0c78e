"""Users whose next choice depends on how long they waited, from the table to the served answer."""

import asyncio
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.packing import pack
from tfmmrec.errors import ConfigError
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.models.bundle import ModelBundle, build_bundle
from tfmmrec.models.scorer import Scorer
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.export import export
from tfmmrec.serving.rest_server import create_app
from tfmmrec.serving.warmup import read_warmup
from tfmmrec.training.fit import fit

ITEMS, USERS, TARGET_ITEMS = 12, 300, 240
START = 1_600_000_000
# In seconds: within a minute, and after a day.
SHORT, LONG = (5, 60), (86_400, 500_000)


def write(folder: Path, *, with_times: bool = True) -> Path:
    """A choice of each of two kinds, and then one of the first kind again after a short wait.

    After a long one, it is the kind of the second choice.
    """
    chance = np.random.default_rng(3)
    log, users = ["user,item,time,part"], ["id,age,town,about"]
    for user in range(USERS):
        kind, quick = chance.integers(2, size=2).tolist()
        kinds = np.array([kind, 1 - kind, kind if quick else 1 - kind])
        items = 2 * chance.permutation(ITEMS // 2)[:3] + kinds
        # How long the third choice takes tells nothing.
        waits = [0, *(chance.integers(*(SHORT if short else LONG)) for short in (quick, user % 2))]
        for place, (item, time) in enumerate(zip(items, START + np.cumsum(waits), strict=True)):
            part = "test" if place == 2 and user >= TARGET_ITEMS else "train"
            log.append(f"u{user},i{item},{time},{part}")
        users.append(
            f"u{user},{20 + user % 50},{'xyz'[user % 3]},likes {('red', 'blue')[user % 2]}"
        )
    items_table = ["id", *(f"i{item}" for item in range(ITEMS))]
    for name, lines in (("items", items_table), ("users", users), ("log", log)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    features = {"age": "number", "town": "categorical", "about": "text"}
    table = {"table": "log.csv", "user": "user", "item": "item"}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": {}},
        "users": {
            "table": "users.csv",
            "id": "id",
            "features": {name: {"modality": modality} for name, modality in features.items()},
        },
        "interactions": table | ({"time": "time"} if with_times else {}),
        "split": {"by": "column", "name": "part"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return folder / "data"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("waiting"))


def config(kind: str, **options) -> TrainConfig:
    query = {"kind": kind, "time_intervals": True, "max_history": 3, "units": 16, "dropout": 0.0}
    given = {"dim": 16, "epochs": 14, "batch_size": 128, "learning_rate": 0.05, "ema_decay": 0.9}
    given |= {"query": query, "negatives": {"source": "full_catalog"}, "quiet": True}
    return TrainConfig(**given | options)


def trained(data: Path, kind: str) -> ModelBundle:
    bundle = build_bundle(Dataset(data), config(kind))
    fit(bundle)
    return bundle


@pytest.fixture(scope="module")
def gru(data: Path) -> ModelBundle:
    return trained(data, "gru")


def permuted(histories: Histories) -> Histories:
    """The same histories, of those of two choices each with the wait of another."""
    times = histories.times.copy()
    last = histories.offsets[1:][np.diff(histories.offsets) == 2] - 1
    times[last] = times[last - 1] + np.random.default_rng(0).permutation(np.diff(times)[last - 1])
    return dataclasses.replace(histories, times=times)


def shares_right(bundle: ModelBundle) -> tuple[float, float]:
    """How many users are answered items of the kind that they chose, by their times and others."""
    targets = targets_of(bundle.dataset, "test", with_times=True)
    kinds = np.array([int(name[1:]) % 2 for name in bundle.dataset.item_ids])
    scorer = Scorer(bundle.model)
    vectors, shares = scorer.item_vectors(), []
    for histories in (targets.histories, permuted(targets.histories)):
        [(users, scores)] = scorer.scores(vectors, histories, targets.user)
        np.testing.assert_array_equal(users, targets.user)
        odd = scores[:, kinds == 1].mean(axis=1) > scores[:, kinds == 0].mean(axis=1)
        shares.append(np.mean(odd == kinds[targets.item]))
    return shares[0], shares[1]


def test_the_mean_weighs_by_how_long_ago(data):
    right, null = shares_right(trained(data, "mean"))
    # Of 60 users, half by chance, with a deviation of 0.065.
    assert right > 0.9 and null < 0.7


def test_a_reader_in_order_reads_the_gaps(gru):
    right, null = shares_right(gru)
    assert right > 0.9 and null < 0.7


@pytest.fixture(scope="module")
def model_dir(gru: ModelBundle, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "waiting"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tfmmrec.serving.export.load_run", lambda run, quiet: gru)
        export(Path("run"), folder, quiet=True)
    return folder


Ask = Callable[[list[dict]], httpx.Response]


@pytest.fixture(scope="module")
def ask(model_dir: Path) -> Ask:
    """Asks the embedded server in rows of JSON."""
    transport = httpx.ASGITransport(app=create_app(model_dir))

    async def post(rows: list[dict]) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
            body = json.dumps({"instances": rows})
            return await client.post("/v1/models/waiting:predict", content=body)

    return lambda rows: asyncio.run(post(rows))


def test_the_served_answer_is_that_of_recommend(gru, ask, monkeypatch):
    """With the user's number, category and text; and times count as they come with a request."""
    monkeypatch.setattr("tfmmrec.serving.batch_recommend.load_run", lambda run, quiet: gru)
    user = f"u{TARGET_ITEMS + 1}"
    [line] = recommend(Path("run"), users=user, k=4, split="test", quiet=True)
    dataset = gru.dataset
    past, row = dataset.histories(["train"], with_times=True), dataset.user_rows[user]
    first, second = (dataset.item_ids[item] for item in past.of_user(row))
    times = past.times[past.offsets[row] : past.offsets[row + 1]].tolist()
    about = {"user_age": 20 + 241 % 50, "user_town": ["y"], "user_about": "likes blue"}
    # An id that is not known is passed over with its time.
    request = {"history": [first, "new", second], "exclude": [""], "k": 4, **about}
    quick = {"history_time": [times[0], times[0] + 1, times[1]]}
    other = {"history_time": [times[0], 0, times[0] + (9 if times[1] - times[0] > 60 else 90_000)]}
    unlike = {**request, **quick, "user_about": "likes red"}
    answer = ask([request | quick, request | other, unlike])
    assert answer.status_code == 200, answer.text
    served, waited, told = answer.json()["predictions"]
    assert served["items"] == line["items"]
    np.testing.assert_allclose(served["scores"], line["scores"], atol=1e-5)
    kind, other_kind = (int(answer["items"][0][1:]) % 2 for answer in (served, waited))
    assert kind != other_kind
    assert np.abs(np.subtract(told["scores"], served["scores"])).max() > 1e-3


def test_times_that_are_not_those_of_the_history_are_refused(ask):
    about = {"user_age": 30, "user_town": ["x"], "user_about": ""}
    for times in ([START], [START] * 3):
        row = {"history": ["i1", "i2"], "history_time": times, "exclude": [""], "k": 2, **about}
        answer = ask([row])
        assert answer.status_code == 400
        assert "history_time needs a time for each id of history" in answer.json()["error"]


def test_the_warm_up_has_times(model_dir):
    requests = dict(read_warmup(model_dir / "1"))
    assert list(requests) == ["serving_default"]
    inputs = requests["serving_default"]
    assert inputs["history_time"].dtype == np.int64
    assert inputs["history_time"].shape == inputs["history"].shape == (2, 2)
    assert {"user_age", "user_town", "user_about"} < set(inputs)


def test_gaps_that_cannot_be_known_are_refused(data, tmp_path):
    bare = write(tmp_path, with_times=False)
    with pytest.raises(ConfigError) as error:
        build_bundle(Dataset(bare), config("gru"))
    assert str(error.value) == (
        f"query.time_intervals: the interactions of {bare} have no times; name their column as "
        "interactions.time in the dataset file and pack again, or leave query.time_intervals out"
    )
    with pytest.raises(ConfigError, match=r"history_context: query\.time_intervals needs causal"):
        build_bundle(Dataset(data), config("mean", history_context="bidirectional"))
