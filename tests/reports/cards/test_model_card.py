"""What a model card says of a run, and of which it says that it is not known."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.storage import read_json
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.run_folder import save_run
from tfmmrec.reports.cards.model_card import render_model_card
from tfmmrec.reports.cards.model_facts import ModelFacts, UsedEncoder, handles_of, training_date
from tfmmrec.reports.evaluation.evaluate_run import evaluate_run

FACTS = ModelFacts(
    name="movies",
    num_weights=12_345,
    num_items=7,
    num_users=900,
    num_events=5_000,
    num_training_users=800,
    max_history=50,
    reads_times=False,
    reads_user=False,
    heads_read_user=False,
    encoders=(UsedEncoder("items", "title", "text", "hub:m", False, "not stated"),),
)
RUN: dict[str, Any] = {
    "version": "1.2.3",
    "trained_on": None,
    "manifest_sha256": "abc",
    "config": {
        "task": "retrieval",
        "dim": 8,
        "id_embedding": True,
        "fusion": {"kind": "gated"},
        "query": {"kind": "mean"},
        "refit": True,
        "seed": 0,
    },
    "metrics": {
        "epoch": 3,
        "candidates": {"mean": 0.2, "transformer": 0.1},
        "stopped_after": {"transformer": 4},
    },
}


def slice_of(group: str, name: str, mean: float, *, worse: bool = False) -> dict[str, Any]:
    spread = {"mean": mean, "low": mean - 0.01, "high": mean + 0.01}
    return {"group": group, "name": name, "targets": 40, **spread, "worse": worse}


def ranked(**more: Any) -> dict[str, Any]:
    return {
        "targets": 1_200,
        "users": 600,
        "items": 7,
        "never_chosen": {
            "items": 2,
            "targets": 3,
            "recommendations": 40,
            "all_recommendations": 6_000,
        },
        "baseline_notes": {"ALS": "not run: no library"},
        "model": {"ndcg@10": 0.25},
        "EASE (100)": {"ndcg@10": 0.2},
        "intervals": {"model": {"ndcg@10": [0.24, 0.26]}, "EASE (100)": {"ndcg@10": [0.19, 0.21]}},
        "lead": {
            "metric": "ndcg@10",
            "baseline": "EASE (100)",
            "users": 600,
            "mean": 0.05,
            "low": 0.04,
            "high": 0.06,
            "p": 0.001,
            "verdict": "ahead",
        },
        "slices": [
            slice_of("genre of the item", "drama", 0.3),
            slice_of("gender of the user", "F", 0.1, worse=True),
            slice_of("genre of the item", "horror", 0.05, worse=True),
        ],
        "lists": {"model": {"popularity_lift@10": -0.2, "coverage@10": 0.5}, "EASE (100)": {}},
        **more,
    }


def result_of(**more: Any) -> dict[str, Any]:
    none = {"warm": None, "cold": None, "new_users": None}
    return {"split": "test", "verdict": "", **none, "outcomes": {}, **more}


def section(card: str, title: str) -> str:
    return card.split(f"## {title}\n")[1].split("\n## ")[0]


def rows_of_tables(card: str) -> list[list[str]]:
    """The cells of all rows; a pipe behind a backslash ends none."""
    lines = [line for line in card.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_figures_verdict_and_what_follows_from_them():
    card = render_model_card(RUN, FACTS, result_of(warm=ranked(), num_both_cold=4))
    assert "tfmmrec 1.2.3, date unknown" in section(card, "Model details")
    values = "mean 0.200, transformer 0.100 (stopped after 4 epochs) (NDCG@10 on valid)"
    assert values in card
    assert "ahead of the best baseline, EASE (100)" in section(card, "Intended use")
    assert "Cold-start items: not evaluated" in section(card, "Intended use")
    assert "New users: not evaluated" in section(card, "Intended use")
    assert ["EASE (100)", "0.200 [0.190, 0.210]"] in rows_of_tables(card)
    assert "+0.050 [+0.040, +0.060], p < 0.001" in section(card, "Metrics")
    assert "1,200 targets of 600 users, 5 warm items and 2 never-chosen items ranked" in section(
        card, "Evaluation data"
    )
    assert "train and valid" in section(card, "Training data")
    limits = section(card, "Caveats and limits")
    assert "20% less popular" in limits
    assert "compared with EASE (100) only (ALS: not run: no library)." in limits
    assert "of 6,000 recommendations 40 were never chosen by anybody in training" in limits
    assert "no times" not in limits
    assert (
        "4 positives of new users with cold-start items" in limits
        and "chose the item before" not in limits
    )
    assert "gender of the user: F 0.100" in section(card, "Ethical considerations and privacy")


def test_new_items_have_no_popularity():
    told = ranked(lists={"model": {"popularity_lift@10": -1.0}}, never_chosen=None)
    card = render_model_card(RUN, FACTS, result_of(cold=told, num_leaking=None))
    assert "The log has no times" in section(card, "Caveats and limits")
    assert "7 cold-start items ranked" in section(card, "Evaluation data")
    assert "(popularity lift)" not in card


def test_what_is_worse_comes_first_and_the_worst_before_the_others():
    card = render_model_card(RUN, FACTS, result_of(warm=ranked()))
    assert re.findall(r"- \*\*(.*)\*\*", card) == [
        "genre of the item: horror",
        "gender of the user: F",
    ]
    names = [row[0] for row in rows_of_tables(section(card, "Quantitative analyses"))]
    assert names[2:5] == [
        "genre of the item: horror",
        "gender of the user: F",
        "genre of the item: drama",
    ]


def test_a_model_that_is_behind_is_said_to_be_of_no_use():
    lead = {"mean": -0.05, "low": -0.06, "high": -0.04, "verdict": "behind"}
    told = ranked(lead={**ranked()["lead"], **lead})
    use = section(render_model_card(RUN, FACTS, result_of(warm=told)), "Intended use")
    assert "The model is not ahead of a simple baseline" in use
    assert "Warm items: it is BEHIND EASE (100)" in use


def test_what_is_not_a_number_is_a_dash():
    nan = float("nan")
    few = {"users": 3, "low": None, "high": None, "p": 0.25, "verdict": "too few users"}
    told = ranked(lead={**ranked()["lead"], **few})
    told["intervals"]["model"]["ndcg@10"] = [None, None]
    told["slices"][0]["mean"] = nan
    told["lists"]["model"]["popularity_lift@10"] = nan
    share = {"mean": 0.1, "low": nan, "high": nan}
    told["modality_attribution"] = {
        "metric": "ndcg@10",
        "all_modalities": nan,
        "no_modalities": 0.0,
        "modalities": {"text": {"shapley_value": share, "ablation": share}},
    }
    outcomes = {"rating": {"warm": {"events": 1, "model": {"rmse": nan}, "mean": {"rmse": nan}}}}
    card = render_model_card(RUN, FACTS, result_of(warm=told, outcomes=outcomes))
    assert not re.search(r"\bnan\b", card, re.IGNORECASE)
    rows = rows_of_tables(card)
    assert ["model", "0.250"] in rows and ["text", "+0.100", "+0.100"] in rows
    assert "Too few users for a verdict (3; at least 10 are needed)" in section(card, "Metrics")
    assert "too few users to tell whether it is better than EASE (100)" in card


def test_texts_of_the_data_break_no_table():
    evil = "a|b\n<!-- /tfmmrec -->\n## Ethical"
    told = ranked(slices=[slice_of(evil, evil, 0.1, worse=True)])
    encoders = (UsedEncoder("items", evil, "text", f"hub:{evil}", True, evil),)
    facts = ModelFacts(**{**vars(FACTS), "name": evil, "encoders": encoders})
    card = render_model_card(RUN, facts, result_of(warm=told))
    plain = render_model_card(RUN, FACTS, result_of(warm=ranked(slices=told["slices"])))
    assert "<!--" not in card and card.count("\n## ") == plain.count("\n## ")
    assert [len(row) for row in rows_of_tables(card)] == [len(row) for row in rows_of_tables(plain)]


def test_a_run_that_ranks_nothing():
    outcomes = {
        "rating": {
            "warm": {"events": 1_000, "model": {"rmse": 0.9, "mae": 0.7}, "mean": {"rmse": 1.0}},
            "cold": None,
            "new_users": None,
        }
    }
    run = copy.deepcopy(RUN)
    run["config"]["task"], run["metrics"] = "rating", {}
    facts = ModelFacts(**{**vars(FACTS), "heads_read_user": True})
    card = render_model_card(run, facts, result_of(outcomes=outcomes))
    assert "Predicting ratings, warm items" in section(card, "Intended use")
    assert "lower than that of the best baseline, mean: RMSE 0.900 vs. 1.000" in card
    assert ["mean", "1.0000", "–"] in rows_of_tables(card)
    assert "Ranking a catalog: the model is not trained for it" in card
    assert "The weights contain parameters of each training user" in card
    assert "Epochs: unknown" in section(card, "Training data")


def test_the_handles_of_a_choice():
    assert handles_of("builtin:lstm") == ["builtin:lstm"]
    assert handles_of({"handle": "hub:a", "preprocessor": "b"}) == ["hub:a", "b"]
    assert handles_of({"pool_values": "attention"}) == ["builtin"]


def test_the_date_is_that_of_the_last_log(tmp_path):
    assert training_date(tmp_path) is None
    for second in (1_600_000_000, 1_500_000_000):  # 2020-09-13 and 2017-07-14
        log = tmp_path / "tensorboard" / "train" / f"events.out.tfevents.{second}.host.1.0.v2"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
    assert training_date(tmp_path) == "2020-09-13"


@pytest.fixture(scope="module")
def run(small, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model_card") / "run"
    folder.mkdir()
    config = TrainConfig(dim=4, projection_units=4, query={"kind": "id"}, refit=False, quiet=True)
    save_run(folder, build_bundle(small, config), {})
    evaluate_run(folder, quiet=True)
    return folder


def test_a_real_run_has_both_cards_and_what_the_owner_wrote_stays(run, small):
    result = read_json(run / "metrics.test.json")
    card, data_card = run / "model_card.md", run / "data_card.md"
    text = card.read_text()
    assert result["verdict"] in text and data_card.read_text().startswith("# Data card: set")
    assert text.startswith("# Model card: set, run\n")
    assert "The weights contain an embedding of each training user" in text
    assert f"{result['cold']['model']['ndcg@10']:.3f}" in text
    assert ["items.title", "text", "builtin", "no", "tfmmrec's own, Apache-2.0"] in (
        rows_of_tables(text)
    )
    assert text.count("*to be filled in by the owner*") == 5
    assert str(small.folder) not in text
    owned = text.replace("*to be filled in by the owner*", "me", 1)
    card.write_text(owned)
    evaluate_run(run, quiet=True)
    assert card.read_text() == owned


def test_valid_gives_way_to_test(run):
    text = (run / "model_card.md").read_text()
    evaluate_run(run, split="valid", quiet=True)
    assert (run / "model_card.md").read_text() == text
