"""Statistics of the interactions, computed in one pass."""

import collections

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.interactions import SPLITS
from tfmmrec.reports.data_validation.cold_rows import ENTITIES, cold_rows
from tfmmrec.reports.data_validation.interaction_anomalies import beyond
from tfmmrec.reports.data_validation.interaction_reader import Events
from tfmmrec.reports.data_validation.quantile_sketch import Distribution
from tfmmrec.reports.number_format import number
from tfmmrec.reports.tables import Chart, Histogram, Table

_MAX_RATINGS = 12


class _Split:
    """The statistics of one split."""

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
        """Returns the counts of the ratings, or the quartiles of many different ones."""
        if not self.ratings.count:
            return ""
        if len(self.rated) <= _MAX_RATINGS:
            return ", ".join(f"{number(r)}: {count}" for r, count in sorted(self.rated.items()))
        return " / ".join(map(number, self.ratings.five())) + " (min, quartiles, max)"


class EventStatistics:
    """Counts the events per split, per user and per item.

    Args:
        dataset: the data folder.
        seed: the seed of samples.
    """

    def __init__(self, dataset: Dataset, *, seed: int = 0):
        self.has_time = dataset.schema.has_time
        self.num_items, self.num_users = len(dataset.item_ids), len(dataset.user_ids)
        self.num_cold = {f"{side}s": len(cold_rows(dataset, side)[0]) for side in ENTITIES}
        self.splits = {split: _Split(self.num_items, self.num_users, seed) for split in SPLITS}

    def observe(self, split: str, events: Events) -> None:
        """Adds a batch of events, without those of unknown items or users."""
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
        if len(counted.rated) <= _MAX_RATINGS:
            counted.rated.update(rated.tolist())
        if self.has_time:
            counted.times.add(columns["time"])

    @property
    def count(self) -> int:
        """The number of events in all splits."""
        return sum(split.count for split in self.splits.values())

    def per(self, side: str) -> np.ndarray:
        """Returns the number of events per item or user, int64 `[items]` or `[users]`."""
        name = "per_item" if side == "items" else "per_user"
        return np.sum([getattr(split, name) for split in self.splits.values()], axis=0)

    def tables(self) -> list[Table]:
        """Returns the tables: splits, then events per user and per item."""
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
                *(date(time) for time in (split.times.minimum, split.times.maximum)),
                split.ratings_text(),
            )
            for name, split in self.splits.items()
        ]
        spread = ("", "min", "25%", "median", "75%", "max", "without any", "cold")
        per = [self._per_row(side) for side in ("users", "items")]
        return [
            Table("Interactions", columns, rows, texts=("ratings",)),
            Table("Events per user and item", spread, per),
        ]

    def _per_row(self, side: str) -> tuple[str, ...]:
        counts = self.per(side)
        quantiles = np.quantile(counts, [0, 0.25, 0.5, 0.75, 1]) if len(counts) else []
        without, cold = int((counts == 0).sum()), self.num_cold[side]
        return (f"per {side[:-1]}", *map(number, quantiles), str(without), str(cold))

    def charts(self) -> list[Chart]:
        """Returns the charts: timeline of the splits, then events per user and per item."""
        found: list[Chart] = []
        times = [split.times for split in self.splits.values() if split.times.count]
        if times:
            whole = Distribution()
            whole.add([end for time in times for end in (time.minimum, time.maximum)])
            minimum, maximum = whole.minimum, whole.maximum
            edges = np.linspace(minimum, maximum if maximum > minimum else minimum + 1, 41)
            series = {name: split.times.histogram(edges) for name, split in self.splits.items()}
            found.append(Histogram("Events over time", [date(edge) for edge in edges], series))
        for side in ("users", "items"):
            counts = Distribution()
            counts.add(self.per(side))
            edges = counts.edges()
            labels = [number(edge) for edge in edges]
            title = f"Events per {side[:-1]}"
            found.append(Histogram(title, labels, {"": counts.histogram(edges)}))
        return found


def date(milliseconds: float) -> str:
    """Formats Unix milliseconds as a date; "" for NaN."""
    if np.isnan(milliseconds):
        return ""
    # datetime would fail on years outside its range, which a broken log may contain.
    return str(np.datetime64(int(milliseconds), "ms").astype("datetime64[D]"))
