"""Ratings below the bar of a positive: what each use of them is worth to EASE; prints Markdown.

python benchmarks/ratings.py DATA

DATA has ratings and a rule `positive`, such as "rating >= 4". The table has the NDCG@10 of EASE on
valid and test: with ratings below the bar left out of the candidates, then in histories too, with
several weights relative to a positive, then in the interactions that EASE is fitted to as well.
Only ratings before the target of a user count. The decay of the history and the penalty are given.
"""

import dataclasses
from pathlib import Path

from scipy import sparse

from tfmmrec.cli import run_script
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import context_of
from tfmmrec.data.interaction_matrix import interaction_matrix
from tfmmrec.evaluation.baselines.interactions import decayed_interaction_matrix
from tfmmrec.evaluation.baselines.item_item import ITEM_ITEM_BASELINES
from tfmmrec.evaluation.baselines.score_functions import (
    HistoryScores,
    of_histories,
    ranker_of,
)
from tfmmrec.evaluation.measure import measure
from tfmmrec.evaluation.ranking.targets import Targets, targets_of
from tfmmrec.reports.tables import markdown_table

WEIGHTS = (-0.3, 0.3, 0.6, 1.0)
NDCG = "warm ndcg@10"


def main(data: Path, *, ridge_alpha: float = 200.0, decay: float = 0.9) -> None:
    """Fits EASE, measures it, and prints the table.

    Args:
        data: a data folder.
        ridge_alpha: the penalty of EASE.
        decay: of the history, per later event.
    """
    dataset = Dataset(data)
    columns = {split: _figures(dataset, split, ridge_alpha, decay) for split in ("valid", "test")}
    rows = [
        [name, *(f"{figures[name]:.3f}" for figures in columns.values())]
        for name in columns["test"]
    ]
    print(markdown_table(["EASE", *columns], rows))


def _figures(dataset: Dataset, split: str, ridge_alpha: float, decay: float) -> dict[str, float]:
    """NDCG@10 by use of the ratings below the bar."""
    num_items = dataset.count("items")
    targets = targets_of(dataset, split)
    positives = context_of(dataset, split)
    fit, _ = ITEM_ITEM_BASELINES["EASE"]
    by_positives = fit(interaction_matrix(positives, num_items), ridge_alpha)
    by_all = fit(interaction_matrix(targets.histories, num_items), ridge_alpha)
    whole = decayed_interaction_matrix(targets.histories, num_items, decay)
    chosen = sparse.csr_matrix(whole.multiply(interaction_matrix(positives, num_items)))
    low = whole - chosen
    alone = decayed_interaction_matrix(positives, num_items, decay)

    def ndcg(targets: Targets, score: HistoryScores, histories: sparse.csr_matrix) -> float:
        ranker = ranker_of(of_histories(score, sparse.csr_matrix(histories)))
        return float(measure(dataset, targets, ranker)[NDCG].mean())

    with_low = dataclasses.replace(targets, excluded_items=positives)
    return {
        "positives alone": ndcg(with_low, by_positives, alone),
        "rated items are no candidates": ndcg(targets, by_positives, alone),
        **{
            f"and are in histories, with the weight {weight:g}": ndcg(
                targets, by_positives, chosen + weight * low
            )
            for weight in WEIGHTS
        },
        **{
            f"and in what EASE is fitted to, with the weight {weight:g}": ndcg(
                targets, by_all, chosen + weight * low
            )
            for weight in WEIGHTS
        },
    }


if __name__ == "__main__":
    run_script(main)
