"""The records of one side against vocabulary, schema, statistics and manifest."""

from collections.abc import Iterator

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.reports.data_validation.anomalies import PACK_AGAIN, Fault
from tfmmrec.reports.data_validation.record_reader import Rows
from tfmmrec.reports.data_validation.shard_reader import ShardReader


class RowChecks:
    """Checks the records of one side as they pass; memory grows with the ids alone.

    Args:
        dataset: the data folder.
        side: `items` or `users`.
        media: whether every picture and sound is decoded.
    """

    def __init__(self, dataset: Dataset, side: EntityName, *, media: bool = False):
        self.dataset = dataset
        self.side = side
        self.ids = dataset.item_ids if side == "items" else dataset.user_ids
        self.vocabulary = f"vocabulary/{'item' if side == 'items' else 'user'}_ids.txt"
        self._present = dict.fromkeys(dataset.features(side), 0)
        self._unreadable: list[Fault] = []
        self._categories = {name: self._read_categories(name) for name in self._present}
        self._features = dataset.features(side)
        self._vocabularies = {
            name: frozenset(category.encode() for category in categories)
            for name, categories in self._categories.items()
        }
        self._media = media
        self._seen: set[bytes] = set()

    def _read_categories(self, name: str) -> list[str]:
        try:
            return self.dataset.categories(self.side, name)
        except UnicodeDecodeError:
            path = f"vocabulary/{self.side}.{name}.txt"
            self._unreadable.append(Fault(path, "not valid UTF-8"))
            return []

    def observe(self, rows: Rows, shards: ShardReader) -> Iterator[Fault]:
        """Checks some records.

        Args:
            rows: the records.
            shards: where they come from.
        """
        yield from self._check_ids(rows, in_order=shards.whole)
        for name, column in rows.columns.items():
            self._present[name] += len(column.values)
            for place, value in zip(column.places, column.values, strict=True):
                problem = self._features[name].value_anomaly(
                    value, self._vocabularies[name], decode_media=self._media
                )
                if problem:
                    number = rows.numbers[place]
                    about = f"values of {name}"
                    yield Fault(rows.shard, f"record {number}: {name}: {problem}", about=about)

    def _check_ids(self, rows: Rows, *, in_order: bool) -> Iterator[Fault]:
        for number, row, identity in zip(rows.numbers, rows.rows, rows.ids, strict=True):
            text = identity.decode(errors="replace")
            if identity in self._seen:
                yield Fault(
                    rows.shard, f"record {number} repeats the id {text!r}", about="repeated ids"
                )
            self._seen.add(identity)
            # Behind what could not be read, the rows are not known.
            if in_order and row < len(self.ids) and text != self.ids[row]:
                yield Fault(
                    rows.shard,
                    f"record {number} has the id {text!r}, "
                    f"but line {row + 1} of {self.vocabulary} {self.ids[row]!r}",
                    about="ids out of order",
                )

    def finish(self, shards: ShardReader) -> Iterator[Fault]:
        """Compares the counts, once all records have passed."""
        yield from self._unreadable
        yield from shards.faults
        yield from self._check_vocabulary()
        # Counts of what could not be read in full would only repeat that.
        if not shards.whole or shards.faults:
            return
        found = shards.num_records
        if found != len(self.ids):
            yield Fault(
                self.vocabulary, f"it has {len(self.ids)} ids, {self.side}/ {found} records"
            )
        yield from wrong_counts(self.dataset, self.side, {"count": found})
        counted = self.dataset.statistics[self.side].get("features", {})
        for name, present in self._present.items():
            stated = counted.get(name, {}).get("present")
            if stated != present:
                where = f"{self.side}.features.{name}.present"
                yield Fault(
                    "statistics.json", f"{where} is {stated}, but {present} values are there"
                )

    def _check_vocabulary(self) -> Iterator[Fault]:
        lines: dict[str, int] = {}
        for line, identity in enumerate(self.ids, start=1):
            if lines.setdefault(identity, line) != line:
                yield Fault(
                    self.vocabulary,
                    f"line {line} repeats the id {identity!r} of line {lines[identity]}",
                    about="repeated ids",
                )
        for name in self._present:
            path = f"vocabulary/{self.side}.{name}.txt"
            categories = self._categories[name]
            stated = self.dataset.statistics[self.side].get("features", {}).get(name, {})
            if stated.get("categories", len(categories)) != len(categories):
                where = f"{self.side}.features.{name}.categories"
                problem = f"it has {len(categories)} lines, but {where} is {stated['categories']}"
                yield Fault(path, f"{problem} in statistics.json", PACK_AGAIN)


def wrong_counts(dataset: Dataset, part: str, found: dict[str, int]) -> Iterator[Fault]:
    """Compares what was counted in one part with what the manifest and the statistics say."""
    stated = dataset.manifest.get("counts", {}).get(part)
    if stated != found["count"]:
        yield Fault("MANIFEST.json", f"counts.{part} is {stated}, but {found['count']} are there")
    for name, count in found.items():
        stated = dataset.statistics[part].get(name)
        if stated != count:
            yield Fault("statistics.json", f"{part}.{name} is {stated}, but {count} are there")
