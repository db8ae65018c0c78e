"""Training: refit, `query: {kind: auto}`, and each history encoder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.once import ONCE
from tests.stopping import AtEpochEnd
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import read_json
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.layers.history import HISTORY_ENCODERS
from tfmmrec.models.run_file import read_run
from tfmmrec.models.run_folder import load_run
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.export import export
from tfmmrec.training import elimination, race
from tfmmrec.training.train import train

ITEMS, USERS = 12, 16


def in_turn(user: int) -> list[int]:
    """Six items in their order, from one of the user's own."""
    return [(user + step) % (ITEMS - 1) for step in range(6)]


def by_taste(user: int) -> list[int]:
    """The even items or the odd ones, in an order that says nothing."""
    return list(np.random.default_rng(user).permutation(6) * 2 + user % 2)


def write(folder: Path, split: str, choose: Callable[[int], list[int]] = in_turn) -> Path:
    """Users choose six of the items each; in turn, item 11 is only in valid."""
    kinds = "".join(f"{item},k{item % 3}\n" for item in range(ITEMS))
    (folder / "items.csv").write_text("id,kind\n" + kinds)
    rows = ["user,item,time"]
    for user in range(USERS):
        rows += [f"u{user},{item},{step}" for step, item in enumerate(choose(user))]
    rows += [f"v,{item},{time}" for time, item in enumerate([0, 1, 2, 3, 11, 4])]
    (folder / "log.csv").write_text("\n".join(rows) + "\n")
    content = {
        "items": {
            "table": "items.csv",
            "id": "id",
            "features": {"kind": {"modality": "categorical"}},
        },
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": split},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return folder / "data"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("turns"), "last_out")


def config(**options) -> TrainConfig:
    given = {**ONCE, "dim": 8, "epochs": 3, "batch_size": 16, "quiet": True, **options}
    return TrainConfig(**given)


# What a file that says nothing of it asks for.
CHOICE = {"query": {"kind": "auto", "max_history": 4}, "refit": True}


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory) -> Path:
    """A run whose reader was chosen, and which was trained on valid then."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(data, out, config(**CHOICE, epochs=2))
    return out


def known(run: Path) -> set[str]:
    bundle = load_run(run, quiet=True)
    return {bundle.dataset.item_ids[row] for row in np.flatnonzero(bundle.model.known)}


def test_a_refit_trains_on_valid(data, tmp_path):
    train(data, tmp_path / "plain", config())
    metrics = train(data, tmp_path / "refit", config(refit=True))
    assert known(tmp_path / "refit") - known(tmp_path / "plain") == {"11"}
    # What valid says is of the model that had not seen it.
    plain = read_run(tmp_path / "plain")["metrics"]
    assert {**metrics, "seconds": 0} == {**plain, "seconds": 0}
    assert read_run(tmp_path / "refit")["config"]["epochs"] == 3


@pytest.mark.slow
def test_a_refit_is_not_evaluated_on_its_training_data(whole):
    assert evaluate(whole, quiet=True).metrics["warm"]["targets"] == USERS + 1
    for judge in (evaluate, recommend):
        with pytest.raises(DataError, match="split valid: the model was trained on it"):
            judge(whole, split="valid", quiet=True)


def test_without_a_valid_split_the_last_events_choose(tmp_path, capsys):
    data = write(tmp_path, "none")
    metrics = train(data, tmp_path / "run", config(**CHOICE, epochs=1, quiet=False))
    said = capsys.readouterr().out
    assert (
        f"no valid split: the last event of {USERS + 1} users is held out to choose the epochs; "
        "the final model is trained on all events\n"
    ) in said
    assert "by ndcg@10 on the held-out events: mean " in said
    assert "2 of 2: the model again, on all training events, for the best 1 epochs\n" in said
    assert set(metrics["candidates"]) == {"mean", "transformer"}
    assert metrics["num_held_out"] == USERS + 1
    run = load_run(tmp_path / "run", quiet=True)
    assert run.config.refit
    # Trained in the end on every event, six of each user.
    assert run.statistics.counts.sum() == 6 * (USERS + 1)


def test_auto_selects_a_history_encoder(data, tmp_path, capsys):
    options = {**CHOICE, "learning_rate": 0.01, "epochs": 20, "refit": False, "quiet": False}
    metrics = train(data, tmp_path / "run", config(**options))
    found = metrics["candidates"]
    best, other = sorted({"mean", "transformer"}, key=lambda kind: -found[kind])
    assert found[best] > found[other]
    assert metrics["ndcg@10"] == found[best]
    assert f"query: {best}, by ndcg@10 on valid: mean 0." in capsys.readouterr().out
    chosen = {"kind": best, "max_history": 4}
    assert read_run(tmp_path / "run")["config"]["query"] == chosen
    histories = [
        (tmp_path / "run" / folder / "history.json").read_text()
        for folder in ("", f"candidates/{best}", f"candidates/{other}")
    ]
    assert histories[0] == histories[1] != histories[2]
    assert (
        evaluate(tmp_path / "run", split="valid", quiet=True).metrics["warm"]["targets"]
        == USERS + 1
    )


@pytest.mark.slow
def test_auto_is_the_mean_without_order(data, tmp_path):
    around = config(**CHOICE, history_context="bidirectional", epochs=1)
    train(data, tmp_path / "run", around)
    assert read_run(tmp_path / "run")["config"]["query"]["kind"] == "mean"


@pytest.mark.slow
def test_a_stopped_candidate_stays_stopped_and_changes_nothing(data, tmp_path, monkeypatch, capsys):
    """The epochs are mean, transformer, mean, transformer, and then those of the better one."""
    monkeypatch.setattr(elimination, "MIN_EPOCHS", 2)
    monkeypatch.setattr(elimination, "MIN_STEPS", 0)
    monkeypatch.setattr(race, "is_clearly_behind", lambda *_: True)
    given = config(query=CHOICE["query"], epochs=4, learning_rate=0.01, quiet=False)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "run", given, callbacks=[AtEpochEnd(5)])
    metrics = train(data, tmp_path / "run", given, resume=True)
    [(worse, epochs)] = metrics["stopped_after"].items()
    [better] = {"mean", "transformer"} - {worse}
    assert epochs == 2
    assert len(read_json(tmp_path / "run" / "candidates" / worse / "history.json")) == 2
    said = capsys.readouterr().out
    line = f"query: {worse} is behind {better} (ndcg@10 {metrics['candidates'][worse]:.4f} and "
    assert said.count(line) == 2  # Before the interruption, and after it.
    assert "on valid after 2 epochs); it is stopped\n" in said
    assert f"resumed after epoch 3, from {tmp_path}/run.partial/checkpoints/candidates/" in said
    # The better one is what it would have been alone.
    train(
        data,
        tmp_path / "alone",
        config(query={"kind": better, "max_history": 4}, epochs=4, learning_rate=0.01),
    )
    histories = [read_json(tmp_path / run / "history.json") for run in ("run", "alone")]
    assert histories[0] == histories[1] and len(histories[0]) == 4
    weights = [load_run(tmp_path / r, quiet=True).model.get_weights() for r in ("run", "alone")]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Between the candidates, and in what follows the choice.
@pytest.mark.slow
@pytest.mark.parametrize("stop", [3, 5])
def test_auto_and_refit_resume(data, whole, tmp_path, stop, capsys):
    given = config(**CHOICE, epochs=2)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "run", given, callbacks=[AtEpochEnd(stop)])
    given = config(**CHOICE, epochs=2, quiet=False)
    again = train(data, tmp_path / "run", given, resume=True)
    said = capsys.readouterr().out
    # Two epochs each, in turn: the first candidate, and at the later stop both, are complete.
    assert said.count("complete: 2 epochs, the best of which is ") == stop // 2
    assert said.count("resumed after epoch 1, from ") == 1
    assert train(data, tmp_path / "run", given, resume=True) == again
    assert capsys.readouterr().out.endswith("run: complete; there is nothing to resume\n")
    assert {**again, "seconds": 0} == {**read_run(whole)["metrics"], "seconds": 0}
    weights = [load_run(run, quiet=True).model.get_weights() for run in (whole, tmp_path / "run")]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    left = {path.name for path in (tmp_path / "run").rglob("*") if "checkpoint" in path.name}
    assert left <= {"checkpoint"}


@pytest.mark.parametrize(
    "kind",
    [
        kind if kind == "mean" else pytest.param(kind, marks=pytest.mark.slow)
        for kind in HISTORY_ENCODERS.variants
        if kind != "id"
    ],
)
def test_each_history_encoder_learns_the_next_item(data, tmp_path, kind):
    options = {
        "epochs": 40,
        "learning_rate": 0.01,
        "patience": 40,
        "negatives": {"source": "full_catalog"},
    }
    metrics = train(data, tmp_path / "run", config(query={"kind": kind, "dropout": 0.1}, **options))
    # By chance, one of about seven items that are left.
    assert metrics["mrr"] > 0.6
    version = export(tmp_path / "run", tmp_path / "models", quiet=True)
    serve = tf.saved_model.load(str(version)).signatures["serving_default"]
    nothing = tf.constant([["no such item"]])
    scores = serve(history=nothing, exclude=nothing, k=tf.constant([3]))["scores"]
    assert np.isfinite(scores).all()


@pytest.mark.slow
def test_a_user_who_is_an_id_has_a_taste(tmp_path):
    data = write(tmp_path, "last_out", by_taste)
    options = {"features": [], "query": {"kind": "id"}, "epochs": 40, "learning_rate": 0.01}
    for loss in ("softmax", "bpr"):
        metrics = train(data, tmp_path / loss, config(**options, patience=40, loss=loss))
        # Two items of the taste are left, and six others: 0.34 by chance, 0.75 who knows the taste.
        assert metrics["mrr"] > 0.6, loss


def test_a_user_who_is_an_id_is_served_as_one(data, tmp_path):
    options = {"features": [], "query": {"kind": "id"}, "epochs": 20, "learning_rate": 0.01}
    train(data, tmp_path / "run", config(**options))
    version = export(tmp_path / "run", tmp_path / "models", quiet=True)
    serve = tf.saved_model.load(str(version)).signatures["serving_default"]
    assert "user" in serve.structured_input_signature[1]

    def ask(user: str, history: list[str]) -> dict[str, np.ndarray]:
        strings = {"history": [history], "exclude": [["0"]], "user": [user]}
        answer = serve(k=tf.constant([4]), **{n: tf.constant(v) for n, v in strings.items()})
        return {name: value.numpy() for name, value in answer.items()}

    mine, another = ask("u3", ["1", "2"]), ask("u9", ["1", "2"])
    assert not np.allclose(mine["scores"], another["scores"])
    # The history says what to leave out, and nothing else.
    assert not {b"0", b"1", b"2"} & set(mine["items"][0])
    longer = ask("u3", ["1", "2", "5", "2"])
    kept = [item for item in mine["items"][0] if item != b"5"]
    assert list(longer["items"][0][: len(kept)]) == kept
    # Who is not known is nobody, with answers all the same.
    stranger = ask("who", [""])
    np.testing.assert_allclose(ask("else", [""])["scores"], stranger["scores"])
    assert np.isfinite(stranger["scores"]).all()
    [line] = recommend(tmp_path / "run", users="u3", k=4, split="test", quiet=True)
    assert len(line["items"]) == 4


def test_readers_in_order_have_no_way_around_an_event(data, tmp_path):
    with pytest.raises(ConfigError, match=r"history_context: query\.kind gru needs causal"):
        train(
            data, tmp_path / "run", config(query={"kind": "gru"}, history_context="bidirectional")
        )


def test_what_is_not_known_of_negatives_is_refused(data, tmp_path):
    with pytest.raises(ConfigError, match=r"negatives\.source must be in_batch or full_catalog"):
        train(data, tmp_path / "run", config(negatives={"source": "few"}))
