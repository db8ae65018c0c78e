"""A sample of items, rendered as cards."""

import dataclasses

import numpy as np
from markupsafe import Markup

from tfmmrec.data.dataset import Dataset
from tfmmrec.reports.data_validation.record_reader import Rows
from tfmmrec.reports.value_html import render_value


@dataclasses.dataclass(frozen=True)
class Card:
    """One item.

    Attributes:
        id: its id.
        parts: the rendered values by feature.
        missing: the features without a value.
    """

    id: str
    parts: dict[str, Markup]
    missing: list[str]


class Cards:
    """Renders a sample of items in one pass over the records.

    Args:
        dataset: the data folder.
        seed: the seed of the sample.
        size: the number of items (default 24).
    """

    def __init__(self, dataset: Dataset, *, seed: int = 0, size: int = 24):
        self.features = dataset.features("items")
        drawn = np.random.default_rng(seed).permutation(dataset.count("items"))[:size]
        self._drawn = set(drawn.tolist())
        self.cards: list[Card] = []

    def observe(self, rows: Rows) -> None:
        """Renders the sampled items of a batch of records."""
        for position, row in enumerate(rows.rows):
            if row not in self._drawn:
                continue
            parts = {}
            for name, column in rows.columns.items():
                for found in np.flatnonzero(column.positions == position):
                    parts[name] = render_value(self.features[name], column.values[found])
            missing = [name for name in self.features if name not in parts]
            self.cards.append(Card(rows.ids[position].decode(errors="replace"), parts, missing))
