"""Which items and users a data folder names as cold, whether it knows them or not."""

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.vocabulary import read_vocabulary

SIDES = ("item", "user")


def cold_file(side: str) -> str:
    """The file that names the cold ones of `item` or `user`."""
    return f"vocabulary/cold_{side}_ids.txt"


def cold_rows(dataset: Dataset, side: str) -> tuple[np.ndarray, list[str]]:
    """Returns the rows of those that there are, int64 and ascending, and the ids of the others."""
    named = read_vocabulary(dataset.folder / cold_file(side))
    wanted = set(named)
    ids = dataset.item_ids if side == "item" else dataset.user_ids
    rows = [row for row, identity in enumerate(ids) if identity in wanted]
    known = {ids[row] for row in rows}
    return np.array(rows, np.int64), [identity for identity in named if identity not in known]
