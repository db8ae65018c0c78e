"""Statistics of the records of items or users, computed in one pass."""

import collections

import numpy as np

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.reports.data_validation.feature_statistics import describe
from tfmmrec.reports.data_validation.record_reader import Rows
from tfmmrec.reports.number_format import share
from tfmmrec.reports.tables import Bars, Chart, Table


class EntityStatistics:
    """Statistics of the features, and counts of the combinations of modalities.

    Args:
        dataset: the data folder.
        entity: `items` or `users`.
        seed: the seed of samples.
    """

    def __init__(self, dataset: Dataset, entity: EntityName, *, seed: int = 0):
        self.entity = entity
        self.features = dataset.features(entity)
        self.num_records = 0
        # Of each feature, what packing counted.
        self.packed = dataset.statistics[entity].get("features", {})
        self.descriptions = {
            name: describe(modality, self.packed.get(name, {}).get("present", 0), seed)
            for name, modality in self.features.items()
        }
        self.kinds = list(dict.fromkeys(modality.kind for modality in self.features.values()))
        self._patterns: collections.Counter[tuple[bool, ...]] = collections.Counter()

    def observe(self, rows: Rows) -> None:
        """Adds a batch of records."""
        self.num_records += len(rows.ids)
        has = np.zeros((len(rows.ids), len(self.kinds)), bool)
        for name, column in rows.columns.items():
            self.descriptions[name].observe(column.values)
            has[column.positions, self.kinds.index(self.features[name].kind)] = True
        self._patterns.update(map(tuple, has.tolist()))

    def patterns(self) -> list[tuple[str, int]]:
        """Returns the counts of combinations of modalities, most frequent first."""
        ranked = sorted(self._patterns.items(), key=lambda entry: (-entry[1], entry[0]))
        return [(self._pattern(pattern), count) for pattern, count in ranked]

    def _pattern(self, pattern: tuple[bool, ...]) -> str:
        present = [kind for kind, has in zip(self.kinds, pattern, strict=True) if has]
        absent = [f"no {kind}" for kind, has in zip(self.kinds, pattern, strict=True) if not has]
        return ", ".join([" + ".join(present), *absent] if present else absent)

    def tables(self) -> list[Table]:
        """Returns the tables: presence, statistics by display, combinations of modalities."""
        if not self.features:
            return []
        return [self._presence(), *self._by_display(), self._pattern_table()]

    def num_rejected(self, feature: str) -> int:
        """Returns the number of values of a feature that packing rejected."""
        return int(self.packed.get(feature, {}).get("rejected", 0))

    def _presence(self) -> Table:
        rows = [
            (
                name,
                self.features[name].kind,
                f"{description.present} of {self.num_records}",
                share(description.present, self.num_records),
                f"{self.num_records - description.present - self.num_rejected(name)}",
                f"{self.num_rejected(name)}",
            )
            for name, description in self.descriptions.items()
        ]
        columns = ("feature", "modality", "present", "share", "missing", "rejected")
        return Table(f"Features of {self.entity}", columns, rows, texts=("modality",))

    def _by_display(self) -> list[Table]:
        groups: dict[str, list[str]] = {}
        for name, description in self.descriptions.items():
            if description.title:
                groups.setdefault(description.title, []).append(name)
        return [
            Table(
                f"{title} ({self.entity})",
                ("feature", *self.descriptions[names[0]].columns),
                [(name, *self.descriptions[name].row()) for name in names],
                texts=self.descriptions[names[0]].texts,
            )
            for title, names in groups.items()
        ]

    def _pattern_table(self) -> Table:
        rows = [
            (name, f"{count}", share(count, self.num_records)) for name, count in self.patterns()
        ]
        return Table(
            f"Combinations of modalities ({self.entity})", ("modalities", "count", "share"), rows
        )

    def charts(self) -> list[Chart]:
        """Returns the charts: combinations of modalities, then those of each feature."""
        patterns = self.patterns()[:10]
        together = (
            [Bars(f"Combinations of modalities ({self.entity})", patterns)]
            if len(patterns) > 1
            else []
        )
        return together + [
            chart
            for name, description in self.descriptions.items()
            if description.present
            for chart in description.charts(f"{self.entity}.{name}")
        ]
