"""Anomalies of the records of items or users: ids, values and counts."""

from collections.abc import Iterator

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.vocabulary import category_file
from tfmmrec.reports.data_validation.anomalies import PACK_AGAIN, Anomaly
from tfmmrec.reports.data_validation.record_reader import Rows
from tfmmrec.reports.data_validation.shard_reader import ShardReader


class RecordChecks:
    """Checks the records of items or users in one pass; memory grows with the ids only.

    Args:
        dataset: the data folder.
        entity: `items` or `users`.
        media: whether to decode every media file.
    """

    def __init__(self, dataset: Dataset, entity: EntityName, *, media: bool = False):
        self.dataset = dataset
        self.entity = entity
        self.ids = dataset.item_ids if entity == "items" else dataset.user_ids
        self.vocabulary = f"vocabulary/{'item' if entity == 'items' else 'user'}_ids.txt"
        self._present = dict.fromkeys(dataset.features(entity), 0)
        self._unreadable: list[Anomaly] = []
        self._categories = {name: self._read_categories(name) for name in self._present}
        self._features = dataset.features(entity)
        self._vocabularies = {
            name: frozenset(category.encode() for category in categories)
            for name, categories in self._categories.items()
        }
        self._media = media
        self._seen: set[bytes] = set()

    def _read_categories(self, name: str) -> list[str]:
        try:
            return self.dataset.categories(self.entity, name)
        except UnicodeDecodeError:
            path = category_file(self.entity, name)
            self._unreadable.append(Anomaly(path, "not valid UTF-8"))
            return []

    def observe(self, rows: Rows, shards: ShardReader) -> Iterator[Anomaly]:
        """Checks a batch of records.

        Args:
            rows: the records.
            shards: their reader.
        """
        yield from self._check_ids(rows, in_order=shards.whole)
        for name, column in rows.columns.items():
            self._present[name] += len(column.values)
            for position, value in zip(column.positions, column.values, strict=True):
                problem = self._features[name].value_anomaly(
                    value, self._vocabularies[name], decode_media=self._media
                )
                if problem:
                    number = rows.numbers[position]
                    category = f"values of {name}"
                    yield Anomaly(
                        rows.shard, f"record {number}: {name}: {problem}", category=category
                    )

    def _check_ids(self, rows: Rows, *, in_order: bool) -> Iterator[Anomaly]:
        for number, row, identity in zip(rows.numbers, rows.rows, rows.ids, strict=True):
            text = identity.decode(errors="replace")
            if identity in self._seen:
                yield Anomaly(
                    rows.shard, f"record {number} repeats the id {text!r}", category="repeated ids"
                )
            self._seen.add(identity)
            # After unreadable records, row numbers are unknown.
            if in_order and row < len(self.ids) and text != self.ids[row]:
                yield Anomaly(
                    rows.shard,
                    f"record {number} has the id {text!r}, "
                    f"but line {row + 1} of {self.vocabulary} is {self.ids[row]!r}",
                    category="ids out of order",
                )

    def finish(self, shards: ShardReader) -> Iterator[Anomaly]:
        """Compares the counts after the last record."""
        yield from self._unreadable
        yield from shards.anomalies
        yield from self._check_vocabulary()
        # After unreadable records, wrong counts are no news.
        if not shards.whole or shards.anomalies:
            return
        found = shards.num_records
        if found != len(self.ids):
            yield Anomaly(
                self.vocabulary,
                f"it has {len(self.ids)} ids, but {self.entity}/ has {found} records",
            )
        yield from count_anomalies(self.dataset, self.entity, {"count": found})
        counted = self.dataset.statistics[self.entity].get("features", {})
        for name, present in self._present.items():
            stated = counted.get(name, {}).get("present")
            if stated != present:
                where = f"{self.entity}.features.{name}.present"
                yield Anomaly(
                    "statistics.json", f"{where} is {stated}, but there are {present} values"
                )

    def _check_vocabulary(self) -> Iterator[Anomaly]:
        lines: dict[str, int] = {}
        for line, identity in enumerate(self.ids, start=1):
            if lines.setdefault(identity, line) != line:
                yield Anomaly(
                    self.vocabulary,
                    f"line {line} repeats the id {identity!r} of line {lines[identity]}",
                    category="repeated ids",
                )
        for name in self._present:
            path = category_file(self.entity, name)
            categories = self._categories[name]
            stated = self.dataset.statistics[self.entity].get("features", {}).get(name, {})
            if stated.get("categories", len(categories)) != len(categories):
                where = f"{self.entity}.features.{name}.categories"
                problem = f"it has {len(categories)} lines, but {where} is {stated['categories']}"
                yield Anomaly(path, f"{problem} in statistics.json", PACK_AGAIN)


def count_anomalies(dataset: Dataset, part: str, found: dict[str, int]) -> Iterator[Anomaly]:
    """Compares the counts of items, users or interactions with manifest and statistics."""
    stated = dataset.manifest.get("counts", {}).get(part)
    if stated != found["count"]:
        yield Anomaly("MANIFEST.json", f"counts.{part} is {stated}, but there are {found['count']}")
    for name, count in found.items():
        stated = dataset.statistics[part].get(name)
        if stated != count:
            yield Anomaly("statistics.json", f"{part}.{name} is {stated}, but there are {count}")
