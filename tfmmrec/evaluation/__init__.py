"""Evaluation over the whole catalogue."""

from tfmmrec.evaluation.metrics import ranking_metrics
from tfmmrec.evaluation.ranks import expected_ranks
from tfmmrec.evaluation.targets import (
    Targets,
    popularity,
    random_order,
    target_ranks,
    targets_of,
)

__all__ = [
    "Targets",
    "expected_ranks",
    "popularity",
    "random_order",
    "ranking_metrics",
    "target_ranks",
    "targets_of",
]
