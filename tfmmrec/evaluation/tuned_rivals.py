"""The parameters of simple recommenders that are best on valid."""

import numpy as np

from tfmmrec.dataset import Dataset
from tfmmrec.evaluation.content_rivals import chosen_matrix, score_users
from tfmmrec.evaluation.item_rivals import ITEM_RIVALS
from tfmmrec.evaluation.measuring import measure
from tfmmrec.evaluation.targets import targets_of
from tfmmrec.past import PAST


def tuned_item_rivals(dataset: Dataset) -> dict[str, float]:
    """The parameter of each of ITEM_RIVALS with the best NDCG@10 on the warm items of valid.

    Raises:
        DataError: there is no valid split.
    """
    targets = targets_of(dataset, "valid")
    chosen = chosen_matrix(dataset.histories(PAST["valid"]), dataset.count("items"))
    best = {}
    for name, (score, parameters) in ITEM_RIVALS.items():
        found = [
            measure(dataset, targets, score_users(score(chosen, value)))["warm ndcg@10"].mean()
            for value in parameters
        ]
        best[name] = parameters[int(np.argmax(found))]
    return best
