"""What the interactions hold, counted as they pass."""

import collections

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.interactions import SPLITS
from tfmmrec.reports.data_validation.cold_rows import SIDES, cold_rows
from tfmmrec.reports.data_validation.interaction_anomalies import beyond
from tfmmrec.reports.data_validation.interaction_reader import Events
from tfmmrec.reports.data_validation.quantile_sketch import Distribution
from tfmmrec.reports.number_format import number
from tfmmrec.reports.tables import Chart, Histogram, Table

_MOST_RATINGS = 12


class _Split:
    """What is counted of one split."""

    def __init__(self, num_items: int, num_users: int, seed: int):
        self.count = self.positives = 0
        self.per_item = np.zeros(num_items, np.int64)
        self.per_user = np.zeros(num_users, np.int64)
        self.times, self.ratings = Distribution(seed=seed), Distribution(seed=seed)
        self.rated: collections.Counter[float] = collections.Counter()

    def density(self) -> str:
        cells = len(self.per_item) * len(self.per_user)
        return f"{self.count / max(1, cells):.3%}"

    def ratings_text(self) -> str:
        """The ratings and how often each is given; of many different ones, the quartiles."""
        if not self.ratings.count:
            return ""
        if len(self.rated) <= _MOST_RATINGS:
            return ", ".join(f"{number(r)}: {count}" for r, count in sorted(self.rated.items()))
        return " / ".join(map(number, self.ratings.five())) + " (least, quartiles, most)"


class EventStatistics:
    """Counts the events of each split, of each user and of each item.

    Args:
        dataset: the data folder.
        seed: of samples.
    """

    def __init__(self, dataset: Dataset, *, seed: int = 0):
        self.has_time = dataset.schema.has_time
        self.num_items, self.num_users = len(dataset.item_ids), len(dataset.user_ids)
        self.num_cold = {f"{side}s": len(cold_rows(dataset, side)[0]) for side in SIDES}
        self.splits = {split: _Split(self.num_items, self.num_users, seed) for split in SPLITS}

    def observe(self, split: str, events: Events) -> None:
        """Counts some events; those of unknown items or users are not counted."""
        columns = events.columns
        known = ~beyond(columns["item"], self.num_items) & ~beyond(columns["user"], self.num_users)
        columns = events.take(known).columns
        counted = self.splits[split]
        counted.count += int(known.sum())
        counted.positives += int((columns["positive"] == 1).sum())
        np.add.at(counted.per_item, columns["item"], 1)
        np.add.at(counted.per_user, columns["user"], 1)
        rated = columns["rating"][np.isfinite(columns["rating"])]
        counted.ratings.add(rated)
        if len(counted.rated) <= _MOST_RATINGS:
            counted.rated.update(rated.tolist())
        if self.has_time:
            counted.times.add(columns["time"])

    @property
    def count(self) -> int:
        """How many events there are in all splits."""
        return sum(split.count for split in self.splits.values())

    def per(self, side: str) -> np.ndarray:
        """How many events each item or user has, int64 `[items]` or `[users]`."""
        name = "per_item" if side == "items" else "per_user"
        return np.sum([getattr(split, name) for split in self.splits.values()], axis=0)

    def tables(self) -> list[Table]:
        """The splits, then the events of a user and of an item."""
        columns = (
            *("split", "events", "positives", "users", "items", "density"),
            *("first", "last", "ratings"),
        )
        rows = [
            (
                name,
                *map(str, (split.count, split.positives)),
                *map(str, (np.count_nonzero(split.per_user), np.count_nonzero(split.per_item))),
                split.density(),
                *(date(time) for time in (split.times.least, split.times.most)),
                split.ratings_text(),
            )
            for name, split in self.splits.items()
        ]
        spread = ("", "least", "25%", "median", "75%", "most", "without any", "cold")
        per = [self._per_row(side) for side in ("users", "items")]
        return [
            Table("Interactions", columns, rows, texts=("ratings",)),
            Table("Events each", spread, per),
        ]

    def _per_row(self, side: str) -> tuple[str, ...]:
        counts = self.per(side)
        quantiles = np.quantile(counts, [0, 0.25, 0.5, 0.75, 1]) if len(counts) else []
        without, cold = int((counts == 0).sum()), self.num_cold[side]
        return (f"of {side}", *map(number, quantiles), str(without), str(cold))

    def charts(self) -> list[Chart]:
        """The timeline of the splits, then the events of a user and of an item."""
        found: list[Chart] = []
        times = [split.times for split in self.splits.values() if split.times.count]
        if times:
            whole = Distribution()
            whole.add([end for time in times for end in (time.least, time.most)])
            least, most = whole.least, whole.most
            edges = np.linspace(least, most if most > least else least + 1, 41)
            series = {name: split.times.histogram(edges) for name, split in self.splits.items()}
            found.append(Histogram("Events over time", [date(edge) for edge in edges], series))
        for side in ("users", "items"):
            counts = Distribution()
            counts.add(self.per(side))
            edges = counts.edges()
            labels = [number(edge) for edge in edges]
            title = f"Events of each of the {side[:-1]}s"
            found.append(Histogram(title, labels, {"": counts.histogram(edges)}))
        return found


def date(milliseconds: float) -> str:
    """Writes Unix milliseconds as a day; "" for NaN."""
    if np.isnan(milliseconds):
        return ""
    # Not datetime: a broken log may hold years that it does not know.
    return str(np.datetime64(int(milliseconds), "ms").astype("datetime64[D]"))
