"""Evaluation over the whole catalogue."""

from tfmmrec.evaluation.metrics import ranking_metrics
from tfmmrec.evaluation.plain_rankers import popularity, random_order
from tfmmrec.evaluation.rankers import ByScores, ByVectors, Ranker
from tfmmrec.evaluation.ranks import expected_ranks
from tfmmrec.evaluation.targets import Targets, targets_of

__all__ = [
    "ByScores",
    "ByVectors",
    "Ranker",
    "Targets",
    "expected_ranks",
    "popularity",
    "random_order",
    "ranking_metrics",
    "targets_of",
]
