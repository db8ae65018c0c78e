"""The cold-start items and users of a data folder."""

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.vocabulary import read_vocabulary

ENTITIES = ("item", "user")


def cold_file(side: str) -> str:
    """Returns the file of cold-start ids; `side` is `item` or `user`."""
    return f"vocabulary/cold_{side}_ids.txt"


def cold_rows(dataset: Dataset, side: str) -> tuple[np.ndarray, list[str]]:
    """Returns the rows of cold-start items or users, int64 and ascending, and unknown ids."""
    named = read_vocabulary(dataset.folder / cold_file(side))
    wanted = set(named)
    ids = dataset.item_ids if side == "item" else dataset.user_ids
    rows = [row for row, identity in enumerate(ids) if identity in wanted]
    known = {ids[row] for row in rows}
    return np.array(rows, np.int64), [identity for identity in named if identity not in known]
