"""The first line of an evaluation."""

from typing import Any

import pytest

from tfmmrec.evaluation.verdict import model_verdict


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("ahead", "is ahead of"), ("behind", "is BEHIND"), ("even", "does NOT beat")],
)
def test_the_verdict(verdict: str, said: str) -> None:
    told = summary(users=600, low=0.01, high=0.03, p=9.9e-4, verdict=verdict)
    assert model_verdict(told) == (
        f"The model {said} the best baseline, EASE (100): NDCG@10 0.120 vs. 0.100, "
        "difference +0.020 [+0.010, +0.030], p < 0.001"
    )


def test_a_few_users_get_no_verdict() -> None:
    told = summary(users=3, low=None, high=None, p=0.25, verdict="too few users")
    assert model_verdict(told) == (
        "Too few users for a verdict (3; at least 10 are needed) on the model and the best "
        "baseline, EASE (100): NDCG@10 0.120 vs. 0.100, difference +0.020, exact p = 0.250"
    )


def summary(**lead: object) -> dict[str, Any]:
    given = {"metric": "ndcg@10", "baseline": "EASE (100)", "mean": 0.02, **lead}
    return {"model": {"ndcg@10": 0.12}, "EASE (100)": {"ndcg@10": 0.1}, "lead": given}
