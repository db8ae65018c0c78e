"""Which items are kept out of training, to measure what becomes of new ones."""

import hashlib

import numpy as np

from tfmmrec.ids import Ids


def choose_cold(share: float, chosen: np.ndarray, items: Ids, seed: int) -> np.ndarray:
    """Draws cold items by the SHA-1 of seed and id.

    Args:
        share: of the items that were chosen, from 0 to 1.
        chosen: rows of the items that somebody chose.
        items: all items.
        seed: another one draws other items.

    Returns:
        The rows of the cold items, in order.
    """
    count = round(share * len(chosen))
    if not count:
        return np.zeros(0, np.int64)
    digests = [hashlib.sha1(f"{seed}:{name}".encode()).hexdigest() for name in items.take(chosen)]
    return np.sort(chosen[np.argsort(np.array(digests, "S40"), kind="stable")][:count])
