"""The parameters of simple recommenders that are best on valid."""

from collections.abc import Callable, Sequence

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.holdout import CONTEXT_SPLITS
from tfmmrec.evaluation.baselines.content import chosen_matrix
from tfmmrec.evaluation.baselines.item_item import ITEM_RIVALS
from tfmmrec.evaluation.baselines.matrix_factorization import factor_rivals, sparse_choices
from tfmmrec.evaluation.measure import measure
from tfmmrec.evaluation.ranking.rankers import ByScores, Ranker
from tfmmrec.evaluation.ranking.targets import targets_of


def best_on_valid(
    dataset: Dataset, parameters: Sequence[float], fit: Callable[[float], Ranker]
) -> float:
    """The parameter whose recommender has the best NDCG@10 on the warm items of valid.

    Args:
        dataset: the data folder.
        parameters: to choose from.
        fit: makes a recommender of what is known before valid, with a parameter.

    Raises:
        DataError: there is no valid split.
    """
    targets = targets_of(dataset, "valid")
    found = [measure(dataset, targets, fit(value))["warm ndcg@10"].mean() for value in parameters]
    return parameters[int(np.argmax(found))]


def tuned_item_rivals(dataset: Dataset) -> dict[str, float]:
    """The parameter of each of ITEM_RIVALS with the best NDCG@10 on the warm items of valid.

    Raises:
        DataError: there is no valid split.
    """
    chosen = chosen_matrix(dataset.histories(CONTEXT_SPLITS["valid"]), dataset.count("items"))
    return {
        name: best_on_valid(
            dataset,
            parameters,
            lambda value, score=score: ByScores.of(score(chosen, value)),  # type: ignore[misc]
        )
        for name, (score, parameters) in ITEM_RIVALS.items()
    }


def tuned_factor_rivals(dataset: Dataset) -> dict[str, float]:
    """The same of `factor_rivals`.

    Raises:
        DataError: there is no valid split.
    """
    chosen = sparse_choices(dataset.histories(CONTEXT_SPLITS["valid"]), dataset.count("items"))
    return {
        name: best_on_valid(dataset, parameters, lambda value, fit=fit: fit(chosen, value, chosen))  # type: ignore[misc]
        for name, (fit, parameters) in factor_rivals().items()
    }
