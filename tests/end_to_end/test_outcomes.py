"""Ratings and clicks from the table to the served answer."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.once import ONCE
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.packing import pack
from tfmmrec.errors import DataError
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.reports.evaluation.console import print_metrics
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.export import export
from tfmmrec.training.train import train

ITEMS, USERS, EVENTS = 40, 120, 16


def write(folder: Path, *, ratings: bool = True, refused: bool = True) -> Path:
    """Even users like items of the kinds a and b, the others those of c and d."""
    generator = np.random.default_rng(5)
    kinds = "".join(f"i{item},{'abcd'[item % 4]}\n" for item in range(ITEMS))
    (folder / "items.csv").write_text("id,kind\n" + kinds)
    rows = ["user,item,time,rating"]
    for user in range(USERS):
        for time, item in enumerate(generator.permutation(ITEMS)[:EVENTS]):
            liked = (item % 4 < 2) == (user % 2 == 0)
            # Some users are kinder than others, which is what biases know as well.
            rating = int(np.clip(round((4.4 if liked else 1.6) + user % 3 - 1), 1, 5))
            if refused or rating >= 4:
                rows.append(f"u{user},i{item},{time},{rating if ratings else int(rating >= 4)}")
    (folder / "log.csv").write_text("\n".join(rows) + "\n")
    log = {"table": "log.csv", "user": "user", "item": "item", "time": "time"}
    log |= {"rating": "rating", "positive": "rating >= 4"} if ratings else {}
    if refused and not ratings:
        log["positive"] = "rating >= 1"
    content = {
        "items": {
            "table": "items.csv",
            "id": "id",
            "features": {"kind": {"modality": "categorical"}},
        },
        "interactions": log,
        "split": {"by": "random", "test_share": 0.2, "valid_share": 0.1},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return folder / "data"


@pytest.fixture(scope="module")
def rated(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("rated"))


def config(task: str, **options) -> TrainConfig:
    given = {**ONCE, "dim": 8, "epochs": 8, "batch_size": 128, "learning_rate": 0.03, "quiet": True}
    return TrainConfig(**given | {"task": task, "history_context": "bidirectional", **options})


@pytest.fixture(scope="module")
def rating_run(rated: Path) -> Path:
    run = rated.parent / "rating"
    metrics = train(rated, run, config("rating", ema_decay=0.5))
    # What came of the best epoch on the valid split.
    assert metrics["rmse"] > 0 and "ndcg@10" not in metrics
    return run


def test_ratings_are_predicted_better_than_by_biases(rating_run):
    measured = evaluate(rating_run, quiet=True).metrics
    assert measured["warm"] is None and measured["cold"] is None
    warm = measured["outcomes"]["rating"]["warm"]
    assert measured["outcomes"]["rating"]["cold"] is None
    assert warm["events"] == round(0.2 * USERS * EVENTS)
    # Tastes are no matter of biases.
    assert warm["model"]["rmse"] < 0.6 * warm["biases"]["rmse"]
    assert warm["biases"]["rmse"] <= warm["mean"]["rmse"]
    print_metrics(measured)


def test_the_best_items_are_those_of_the_best_ratings(rating_run):
    even, odd, new = recommend(rating_run, users="u0,u3,nobody", k=8, quiet=True)
    assert all(int(item[1:]) % 4 < 2 for item in even["items"])
    assert all(int(item[1:]) % 4 >= 2 for item in odd["items"])
    assert even["scores"] == sorted(even["scores"], reverse=True)
    assert all(1.0 <= score <= 5.0 for score in even["scores"])
    assert len(new["items"]) == 8


def test_the_export_predicts_what_is_measured(rating_run, tmp_path):
    folder = export(rating_run, tmp_path / "model", quiet=True)
    predict = tf.saved_model.load(str(folder)).signatures["predict"]
    users, items = ["u0", "u0", "u3", "nobody", "u0"], ["i0", "i2", "i2", "i2", "unknown"]
    given = {"history": [["i4", "i1"], [""] * 2, [""] * 2, ["i6", ""], [""] * 2]}
    values = predict(
        user=tf.constant(users), item=tf.constant(items), history=tf.constant(given["history"])
    )["rating"].numpy()
    assert values.shape == (5,)
    assert values[0] > values[1] + 1 and values[2] > values[1] + 1
    # One and the same, as recommend has it.
    line, _ = recommend(rating_run, users="nobody,u0", k=ITEMS, quiet=True)
    score = dict(zip(line["items"], line["scores"], strict=True))["i2"]
    alone = predict(
        user=tf.constant(["nobody"]), item=tf.constant(["i2"]), history=tf.constant([[""]])
    )["rating"].numpy()
    np.testing.assert_allclose(alone, [score], atol=1e-5)


@pytest.mark.slow
def test_clicks_of_a_log_of_impressions(rated, tmp_path):
    train(rated, tmp_path / "run", config("click", query={"kind": "gru"}, history_context="causal"))
    warm = evaluate(tmp_path / "run", quiet=True).metrics["outcomes"]["click"]["warm"]
    assert warm["events"] == round(0.2 * USERS * EVENTS)
    assert warm["model"]["auc"] > 0.9 > warm["popularity"]["auc"]
    assert warm["model"]["log_loss"] < warm["rate"]["log_loss"]
    assert warm["rate"]["auc"] == 0.5


def test_a_log_of_choices_has_items_drawn_beside_them(tmp_path):
    data = write(tmp_path, ratings=False, refused=False)
    train(data, tmp_path / "run", config("click", epochs=8))
    warm = evaluate(tmp_path / "run", quiet=True).metrics["outcomes"]["click"]["warm"]
    # Of so few events, 0.74 to 0.79 with the first three seeds; 0.5 by chance.
    assert warm["model"]["auc"] > 0.7
    assert warm["rate"]["log_loss"] == pytest.approx(np.log(2.0))


@pytest.mark.slow
def test_a_joint_model_does_all_three(rated, tmp_path):
    options = {"epochs": 6, "query": {"kind": "transformer"}, "history_context": "causal"}
    metrics = train(
        rated, tmp_path / "run", config("joint", joint={"uncertainty_weighting": True}, **options)
    )
    assert {"ndcg@10", "rmse", "log_loss"} <= set(metrics)
    # The split is random, so that pasts hold the future, which ratings may and rankings may not.
    with pytest.raises(DataError, match="temporal leakage"):
        evaluate(tmp_path / "run", quiet=True)
    measured = evaluate(tmp_path / "run", allow_leakage=True, quiet=True).metrics
    assert "temporal leakage" in measured["verdict"]
    assert measured["warm"]["model"]["hr@10"] > measured["warm"]["random"]["hr@10"]
    outcomes = measured["outcomes"]
    assert outcomes["rating"]["warm"]["model"]["rmse"] < outcomes["rating"]["warm"]["mean"]["rmse"]
    assert outcomes["click"]["warm"]["model"]["auc"] > 0.75
    # Its lists are ranked by retrieval, whose scores are no ratings.
    (line,) = recommend(tmp_path / "run", users="u0", k=3, quiet=True)
    assert len(line["items"]) == 3


def test_ratings_are_needed_to_learn_ratings(tmp_path):
    data = write(tmp_path, ratings=False)
    with pytest.raises(DataError, match="task rating: no event to train on has a rating"):
        train(data, tmp_path / "run", config("rating"))
    with pytest.raises(DataError, match=r"task joint: .*give joint.click a weight"):
        train(data, tmp_path / "run", config("joint", joint={"click": 0.0}))
    assert not (tmp_path / "run").exists() and not (tmp_path / "run.partial").exists()
