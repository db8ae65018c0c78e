"""The finalists of a search, and the verdict."""

from typing import Any

import pytest

from tfmmrec.config.objective import Objective
from tfmmrec.tuning.finalists import find_finalists, lead_over, search_verdict, summarize

NDCG = Objective("ndcg@10", "max")


def record(trial: int, value: float | None, **options: Any) -> dict[str, Any]:
    stage = "base" if trial == 0 else "search"
    result = {"error": "astray"} if value is None else {"metrics": {"ndcg@10": value}}
    return {"trial": trial, "stage": stage, "rerun_of": None, "seed": 0, **result, **options}


def again(trial: int, of: int, seed: int, value: float | None) -> dict[str, Any]:
    # The same without any group of users.
    return record(trial, value, stage="rerun", rerun_of=of, seed=seed, jackknife=[value] * 12)


def test_the_best_with_other_seeds_wins() -> None:
    """Trial 1 is best in the search, trial 2 over two other seeds."""
    records = [record(0, 0.10), record(1, 0.15), record(2, 0.14)]
    records += [again(3, 0, 1, 0.10), again(4, 1, 1, 0.11), again(5, 2, 1, 0.13)]
    records += [again(6, 0, 2, 0.12), again(7, 1, 2, 0.11), again(8, 2, 2, 0.15)]
    found = find_finalists(records, NDCG)
    assert [finalist.trial for finalist in found] == [2, 0, 1]
    assert found[0].mean == pytest.approx(0.14)
    # ((0.13 - 0.14)² + (0.15 - 0.14)²) / (2 - 1) = 0.0002
    assert found[0].std == pytest.approx(0.0002**0.5)
    assert summarize(found)[2] == {
        "trial": 1,
        "search_metric": 0.15,
        "seeds": {"1": 0.11, "2": 0.11},
        "mean": pytest.approx(0.11),
        "std": pytest.approx(0.0),
        "best": False,
    }
    said = search_verdict(found, NDCG)
    # 0.13 - 0.10 and 0.15 - 0.12 are both 0.03.
    assert "trial 2 is best: ndcg@10 0.1400 over 2 other seeds" in said
    assert "the base 0.1100, a lead of 0.0300 ± 0.0000" in said and "2 of 2 seeds" in said
    assert "within noise" not in said


def test_a_lead_within_the_noise_of_seeds() -> None:
    # Gains of 0.03 and -0.01: 0.01 ± 0.02.
    records = [record(0, 0.10), record(1, 0.15), again(2, 0, 1, 0.10), again(3, 1, 1, 0.13)]
    records += [again(4, 0, 2, 0.12), again(5, 1, 2, 0.11)]
    said = search_verdict(find_finalists(records, NDCG), NDCG)
    assert "a lead of 0.0100 ± 0.0200" in said
    assert "1 of 2 seeds; the lead is within noise" in said


def test_a_lead_from_a_few_users_is_within_noise() -> None:
    """All seeds agree, but without some quarter of the users there is no lead."""
    records = [record(0, 0.10), record(1, 0.15)]
    for trial, of, seed in ((2, 0, 1), (3, 1, 1), (4, 0, 2), (5, 1, 2)):
        records.append(again(trial, of, seed, 0.13 if of else 0.10))
        records[-1]["jackknife"] = [0.14] * 9 + [0.10] * 3 if of else [0.10] * 12
    best, base = find_finalists(records, NDCG)
    lead = lead_over(best, base, NDCG)
    assert (lead.seeds_error, lead.num_seeds, lead.wins) == (0.0, 2, 2)
    # Leads of nine times .04 and three times 0, .03 on average:
    # 11/12 * (9 * .01² + 3 * .03²) = .0033.
    assert lead.users_error == pytest.approx(0.0033**0.5)
    assert "a lead of 0.0300 ± 0.0574" in search_verdict([best, base], NDCG)
    assert "2 of 2 seeds; the lead is within noise" in search_verdict([best, base], NDCG)


def test_a_lead_of_nine_users_is_no_verdict() -> None:
    records = [record(0, 0.10), record(1, 0.15)]
    for trial, of, seed in ((2, 0, 1), (3, 1, 1), (4, 0, 2), (5, 1, 2)):
        records.append(again(trial, of, seed, 0.13 if of else 0.10))
        records[-1]["jackknife"] = records[-1]["jackknife"][:9]
    best, base = find_finalists(records, NDCG)
    lead = lead_over(best, base, NDCG)
    assert lead is not None
    assert lead.to_dict() == {
        "mean": pytest.approx(0.03),
        "seeds_error": pytest.approx(0.0),
        "users_error": None,
        "num_seeds": 2,
        "wins": 2,
        "within_noise": True,
    }
    said = search_verdict([best, base], NDCG)
    assert said.endswith(
        "a lead of 0.0300, better with 2 of 2 seeds; too few users for a verdict "
        "(at least 10 are needed)"
    )


def test_the_base_may_be_best() -> None:
    records = [record(0, 0.10), record(1, 0.15), again(2, 0, 1, 0.12), again(3, 1, 1, 0.12)]
    found = find_finalists(records, NDCG)
    # Among equals, the base.
    assert found[0].trial == 0
    assert "the base is best" in search_verdict(found, NDCG)


def test_without_reruns_the_best_of_the_search() -> None:
    records = [record(0, 0.10), record(1, None), record(2, 0.11)]
    found = find_finalists(records, NDCG)
    assert [(finalist.trial, finalist.mean) for finalist in found] == [(2, 0.11), (0, 0.10)]
    assert "with one seed" in search_verdict(found, NDCG)


def test_a_finalist_without_a_successful_rerun_ranks_last() -> None:
    records = [record(0, 0.10), record(1, 0.15), again(2, 0, 1, 0.09), again(3, 1, 1, None)]
    assert [finalist.trial for finalist in find_finalists(records, NDCG)] == [0, 1]


def test_less_is_better_of_errors() -> None:
    rmse = Objective("rmse", "min")
    records: list[dict[str, Any]] = [
        {"trial": 0, "stage": "base", "rerun_of": None, "seed": 0, "metrics": {"rmse": 1.0}},
        {"trial": 1, "stage": "search", "rerun_of": None, "seed": 0, "metrics": {"rmse": 0.9}},
    ]
    for trial, of, seed, value in ((2, 0, 1, 1.1), (3, 1, 1, 0.8), (4, 0, 2, 1.0), (5, 1, 2, 0.9)):
        metrics = {"rmse": value}
        records.append(
            {
                **{"trial": trial, "stage": "rerun", "rerun_of": of, "seed": seed},
                **{"metrics": metrics, "jackknife": [value] * 12},
            }
        )
    found = find_finalists(records, rmse)
    assert found[0].trial == 1
    # 1.1 - 0.8 and 1.0 - 0.9: 0.2 ± 0.1.
    assert "a lead of 0.2000 ± 0.1000" in search_verdict(found, rmse)
