"""Tuned late-fusion weights: the new run scores by the weighted sum of the members' scores."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.once import ONCE
from tfmmrec.cli import main
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import read_feature_values
from tfmmrec.data.packing import pack
from tfmmrec.data.synthetic import SyntheticConfig, draw_world, write_world
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.metrics.ranking import ranking_metrics
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.evaluation.validation import Validation
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.closed_form.fit import fit_closed_form
from tfmmrec.models.run_file import read_run
from tfmmrec.models.run_folder import load_run, save_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.serving.export import export
from tfmmrec.training.train import train
from tfmmrec.tuning.late_fusion.fold_weights import fold
from tfmmrec.tuning.late_fusion.score_cache import cache_scores
from tfmmrec.tuning.late_fusion.tune_fusion import tune_fusion

LATE = {"kind": "late"}
SMALL = SyntheticConfig(num_items=120, num_users=400, picture_size=32, sound_seconds=0.5)
# Two who chose next what nobody chose before: one has no title, the other nothing but a title.
NEW = {"a": "i10", "b": "i11"}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run with missing values and cold items, and weights for the least informative feature."""
    folder = tmp_path_factory.mktemp("tune_fusion")
    path = write_world(draw_world(SMALL), folder / "catalogue")
    content = {**yaml.safe_load(path.read_text()), "cold_items": {"share": 0.1}}
    path.write_text(yaml.safe_dump(content))
    pack(path, folder / "data", PackConfig(quiet=True))
    weights = {"title": 0.1, "year": 1.0, "id": 0.1}
    features = ["title", "genres", "year"]
    fusion = {**LATE, "weights": weights}
    options = TrainConfig(**ONCE, features=features, fusion=fusion, epochs=6, quiet=True)
    train(folder / "data", folder / "run", options)
    return folder / "run"


@pytest.fixture(scope="module")
def again(run) -> Path:
    out = run.parent / "again"
    tune_fusion(run, out, trials=60, quiet=True)
    return out


@pytest.mark.slow
def test_the_metric_improves_and_is_reported_correctly(run, again):
    first, second = read_run(run), read_run(again)
    result = second["metrics"]["tuned_fusion"]
    assert result["source_run"] == str(run)
    assert result["before"] == first["metrics"]["ndcg@10"]
    # What tells most, the title, had counted for next to nothing.
    assert (
        result["after"]
        == second["metrics"]["ndcg@10"]
        > result["before"] + 2 * result["standard_error"]
    )
    bundle = load_run(again, quiet=True)
    scorer = Scorer(bundle.model)
    measured = Validation(bundle, scorer).metrics(scorer.item_vectors())
    assert measured == pytest.approx({name: second["metrics"][name] for name in measured})
    assert second["metrics"]["epoch"] == first["metrics"]["epoch"]
    assert (again / "history.json").read_text() == (run / "history.json").read_text()


def test_the_config_is_that_of_the_run_with_fixed_weights(run, again):
    first, second = read_run(run), read_run(again)
    fusion = second["config"].pop("fusion")
    weights = second["metrics"]["tuned_fusion"]["weights"]
    assert fusion == {**LATE, "weights": weights}
    assert set(weights) == {"title", "genres", "year", "id"}
    assert sum(weights.values()) == pytest.approx(1.0, abs=0.001)
    assert min(weights.values()) > 0
    del first["config"]["fusion"]
    assert first["config"] == second["config"]


def test_each_trial_has_a_line(again):
    lines = [json.loads(line) for line in (again / "weights.jsonl").read_text().splitlines()]
    assert [line["trial"] for line in lines] == list(range(60))
    # Those of the run, scaled to sum to one; genres had none.
    expected = {"title": 1 / 12, "genres": 0, "year": 10 / 12, "id": 1 / 12}
    assert lines[0]["weights"] == pytest.approx(expected, abs=1e-5)
    result = read_run(again)["metrics"]["tuned_fusion"]
    assert lines[0]["ndcg@10"] == pytest.approx(result["before"], abs=1e-6)
    assert lines[1]["weights"] == pytest.approx(dict.fromkeys(expected, 0.25))
    assert result["trials"] == 60 and result["initial_weights"] == pytest.approx(expected, abs=1e-5)


def test_the_served_score_is_the_weighted_sum_of_the_members(run, again, tmp_path):
    bundle = load_run(run, quiet=True)
    dataset, targets = bundle.dataset, targets_of(bundle.dataset, "valid")
    members = cache_scores(bundle, targets)
    weights = read_run(again)["metrics"]["tuned_fusion"]["weights"]
    expected = members.weighted(np.array(list(weights.values())))
    asked = np.unique(targets.user)[:40]
    past = [[dataset.item_ids[i] for i in targets.histories.of_user(u)] for u in asked]
    widest = max(map(len, past))
    features = read_feature_values(dataset, "users", asked)
    served = tf.saved_model.load(str(export(again, tmp_path / "model", quiet=True)))
    answer = served.signatures["serving_default"](
        history=tf.constant([own + [""] * (widest - len(own)) for own in past]),
        exclude=tf.constant([[""]] * len(asked)),
        k=tf.fill([len(asked)], dataset.count("items")),
        **{f"user_{name}": value for name, value in features.items()},
    )
    column = {dataset.item_ids[item]: place for place, item in enumerate(members.items)}
    compared = 0
    for row, own in enumerate(past):
        names, scores = answer["items"][row].numpy(), answer["scores"][row].numpy()
        for name, score in zip(names, scores, strict=True):
            place = column.get(name.decode())
            if place is not None:  # a cold item, or the end of the list
                assert score == pytest.approx(expected[row, place], abs=1e-5)
                compared += 1
        # What the user chose before is not answered.
        assert not {name.decode() for name in names} & set(own)
    assert compared == sum(len(column) - len(own) for own in past)


def test_a_tuned_run_can_be_tuned_again(again, capsys):
    out = again.parent / "third"
    assert main(["tune-fusion", str(again), "--out", str(out), "--trials", "10", "--quiet"]) == 0
    printed = capsys.readouterr().out
    result = read_run(out)["metrics"]["tuned_fusion"]
    assert result["after"] >= result["before"]
    if result["weights"] == result["initial_weights"]:
        assert "the weights are unchanged" in printed
    assert f"{result['before']:.4f} -> {result['after']:.4f}" in printed
    assert main(["recommend", str(out), "--users", "u00001", "--quiet"]) == 0


def test_too_many_scores_are_sampled(run, tmp_path, capsys):
    # 4 members and the 108 items that are not cold: scores of 50 users.
    result = tune_fusion(run, tmp_path / "out", trials=10, max_scores=4 * 108 * 50)
    assert result["events"] == 50
    events = len(targets_of(Dataset(run.parent / "data"), "valid").user)
    assert f"50 of {events} events; the scores" in capsys.readouterr().err
    # The figures are those of all.
    assert result["before"] == read_run(run)["metrics"]["ndcg@10"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Dataset:
    """Data whose valid split has items without training events."""
    folder = tmp_path_factory.mktemp("tables")
    words = ("red", "green", "blue")
    items = [f"i{n},{words[n % 3]},{n % 2},{n}" for n in range(10)] + ["i10,,1,4", "i11,green,,"]
    (folder / "items.csv").write_text("\n".join(["id,title,genre,year", *items, ""]))
    events = [f"u{u},i{(u + n) % 10},{100 * u + n}" for u in range(20) for n in range(6)]
    for user, new in NEW.items():
        chosen = ["i1", "i2", "i3", "i4", new, "i5"]
        events += [f"{user},{item},{n}" for n, item in enumerate(chosen)]
    (folder / "log.csv").write_text("\n".join(["user,item,time", *events, ""]))
    kinds = {"title": "text", "genre": "categorical", "year": "number"}
    content = {
        "items": {
            "table": "items.csv",
            "id": "id",
            "features": {name: {"modality": kind} for name, kind in kinds.items()},
        },
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": "last_out"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


def save_untrained(dataset: Dataset, folder: Path, **options: Any) -> Path:
    """A run with initial weights."""
    config = {"fusion": LATE, "dim": 4, **ONCE, "quiet": True, **options}
    bundle = build_bundle(dataset, TrainConfig(**config))
    fit_closed_form(bundle)
    folder.mkdir()
    save_run(folder, bundle, {})
    return folder


def test_scores_of_cold_start_items_equal_those_of_the_model(tables, tmp_path):
    run = save_untrained(tables, tmp_path / "run", cold_start={"weight": 0.6})
    bundle = load_run(run, quiet=True)
    targets = targets_of(tables, "valid")
    members = cache_scores(bundle, targets)
    # The two lack different things.
    assert [len(group.columns) for group in members.cold_start] == [1, 1]
    asked, generator = np.unique(targets.user), np.random.default_rng(0)
    for weights in generator.dirichlet(np.ones(4), 2):
        named = dict(zip(members.names, weights.tolist(), strict=True))
        folded = fold(bundle, named)
        scorer = Scorer(folded.model)
        vectors = scorer.item_vectors()
        [(_, queries)] = scorer.queries(vectors, targets.histories, asked)
        expected = queries @ vectors[members.items].T
        np.testing.assert_allclose(members.weighted(weights), expected, atol=1e-5)
        measured = Validation(folded, scorer).metrics(vectors)
        assert ranking_metrics(members.ranks(weights)) == pytest.approx(measured)


def test_the_weights_of_the_run_do_not_change_the_member_scores(tables, tmp_path):
    targets = targets_of(tables, "valid")
    bundle = load_run(save_untrained(tables, tmp_path / "run"), quiet=True)
    first = cache_scores(bundle, targets)
    second = cache_scores(fold(bundle, {"title": 1.0, "id": 3.0}), targets)
    np.testing.assert_allclose(first.scores, second.scores, atol=1e-6)
    np.testing.assert_array_equal(first.present, second.present)


def test_what_cannot_be_tuned_is_refused(tables, tmp_path):
    run, out = save_untrained(tables, tmp_path / "run"), tmp_path / "out"
    saved = json.loads((run / "run.json").read_text())

    def changed(name: str, **config: Any) -> Path:
        copy = Path(shutil.copytree(run, tmp_path / name))
        content = {**saved, "config": {**saved["config"], **config}}
        (copy / "run.json").write_text(json.dumps(content))
        return copy

    alone = save_untrained(tables, tmp_path / "alone", features=["title"], id_embedding=False)
    for bad, reason in (
        (changed("weighted", fusion={"kind": "weighted"}), "train with fusion.kind late.*weighted"),
        (changed("voting", fusion={**LATE, "decision": "voting"}), "late voting"),
        (changed("refit", refit=True), r"split valid: the model was trained on it \(refit\)"),
        (alone, "no weights to search; the fusion has one member: title"),
        (tmp_path, "not a run folder"),
    ):
        with pytest.raises((ConfigError, DataError), match=reason) as caught:
            tune_fusion(bad, out, quiet=True)
        assert "\n" not in str(caught.value)
        assert not out.exists()
    for options, reason in (
        ({"objective": "rmse"}, "no metric 'rmse' of task retrieval; there are hr@K, ndcg@K, mrr"),
        ({"tuner": "grid"}, "tuner must be bayesian or random. Received: 'grid'"),
        ({"trials": 9}, "trials must be at least 10. Received: 9"),
    ):
        with pytest.raises(ConfigError, match=reason):
            tune_fusion(run, out, **options)
    out.mkdir()
    (out / "mine.txt").touch()
    with pytest.raises(DataError, match="exists already"):
        tune_fusion(run, out)


def test_data_without_a_valid_split_is_refused(tables, tmp_path):
    folder = tables.folder.parent
    content = yaml.safe_load((folder / "set.yaml").read_text())
    (folder / "none.yaml").write_text(yaml.safe_dump({**content, "split": {"by": "none"}}))
    pack(folder / "none.yaml", tmp_path / "data", PackConfig(quiet=True))
    run = save_untrained(Dataset(tmp_path / "data"), tmp_path / "run")
    with pytest.raises(DataError, match="has no valid split to search on"):
        tune_fusion(run, tmp_path / "out")
