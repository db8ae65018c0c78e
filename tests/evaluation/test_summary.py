"""The first line of an evaluation."""

import pytest

from tfmmrec.evaluation.summary import model_verdict


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.01, 0.03, "is ahead of"), (-0.03, -0.01, "is BEHIND"), (-0.01, 0.01, "does NOT beat")],
)
def test_the_verdict(low: float, high: float, said: str) -> None:
    lead = {"metric": "ndcg@10", "baseline": "EASE (100)", "mean": 0.02, "low": low, "high": high}
    told = {"model": {"ndcg@10": 0.12}, "EASE (100)": {"ndcg@10": 0.1}, "lead": {**lead, "p": 5e-4}}
    assert model_verdict(told) == (
        f"The model {said} the best baseline, EASE (100): NDCG@10 0.120 vs. 0.100, "
        f"difference +0.020 [{low:+.3f}, {high:+.3f}], p < 0.001"
    )
