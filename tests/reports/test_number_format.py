"""Numbers and names of metrics for readers."""

import pytest

from tfmmrec.reports.number_format import metric_label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("ndcg@10", "NDCG@10"),
        ("recall@5", "recall@5"),
        ("popularity_lift@10", "popularity lift@10"),
        ("log_loss", "log loss"),
        ("rmse", "RMSE"),
    ],
)
def test_labels_of_metrics(name: str, label: str) -> None:
    assert metric_label(name) == label
