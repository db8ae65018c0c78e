"""Items that have neither content nor a trained id embedding, and so are never recommended."""

import sys
from collections.abc import Sequence

import numpy as np

from tfmmrec.models.bundle import ModelBundle


def unscorable_items(bundle: ModelBundle) -> np.ndarray:
    """Returns which items have neither content nor a trained id embedding, bool `[items]`."""
    no_content = ~bundle.items.has_content(bundle.dataset.count("items"))
    return no_content & ~bundle.model.known.numpy() if bundle.config.id_embedding else no_content


def warn_unscorable_items(unscorable: np.ndarray, ids: Sequence[str]) -> None:
    """Prints the number of unscorable items, and the ids of the first five, to stderr.

    Args:
        unscorable: bool `[items]`, from `unscorable_items`.
        ids: item ids by row.
    """
    rows = np.flatnonzero(unscorable)
    if len(rows):
        names = ", ".join(ids[row] for row in rows[:5]) + (", …" if len(rows) > 5 else "")
        print(
            f"tfmmrec: {len(rows)} items have neither content nor events to train on, and are "
            f"in no answer: {names}",
            file=sys.stderr,
        )
