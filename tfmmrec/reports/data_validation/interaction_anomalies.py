"""Anomalies of the interactions: unknown rows, cold-start leaks, order, duplicate events."""

from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.reports.data_validation.anomalies import Anomaly
from tfmmrec.reports.data_validation.cold_rows import ENTITIES, cold_file, cold_rows
from tfmmrec.reports.data_validation.interaction_reader import EventReader, Events
from tfmmrec.reports.data_validation.record_anomalies import count_anomalies


class EventChecks:
    """Checks the events of all splits in one pass, with 8 bytes of memory per event."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self.counts: dict[str, int] = {}
        self.positives = 0
        self._complete = True
        self._ids = {"item": dataset.item_ids, "user": dataset.user_ids}
        self._cold = {side: cold_rows(dataset, side) for side in ENTITIES}
        # The key of an event in all splits: its user and its position in the history.
        self._keys: dict[str, list[np.ndarray]] = {}

    def observe(self, split: str, events: Events) -> Iterator[Anomaly]:
        """Checks a batch of events of one split."""
        columns = events.columns
        self.counts[split] = self.counts.get(split, 0) + len(columns["item"])
        self.positives += int((columns["positive"] == 1).sum())
        for name, ids in self._ids.items():
            for event in np.flatnonzero(beyond(columns[name], len(ids))):
                problem = f"{name} row {columns[name][event]}, but there are {len(ids)} {name}s"
                yield _anomaly(events, event, problem, f"{name}s beyond the vocabulary")
        for event in np.flatnonzero((columns["positive"] != 0) & (columns["positive"] != 1)):
            problem = f"positive must be 0 or 1. Received: {columns['positive'][event]}"
            yield _anomaly(events, event, problem, "positive")
        for name, (cold, _) in self._cold.items() if split != "test" else ():
            for event in np.flatnonzero(np.isin(columns[name], cold)):
                problem = f"{name} row {columns[name][event]} is cold; only test may contain it"
                yield _anomaly(events, event, problem, f"cold {name}s")
        order = columns["order"]
        same = events.record[1:] == events.record[:-1]
        for event in np.flatnonzero(same & (order[1:] <= order[:-1])) + 1:
            problem = f"order {order[event]} follows {order[event - 1]}; it must increase"
            yield _anomaly(events, event, problem, "order")
        self._keys.setdefault(split, []).append(columns["user"] << 32 | order)

    def finish_split(self, split: str, reader: EventReader) -> Iterator[Anomaly]:
        """Compares the counts of one split after its last event."""
        found = [*reader.shards.anomalies, *reader.anomalies]
        yield from found
        self._complete &= not found
        stated = self.dataset.statistics["interactions"].get(split)
        count = self.counts.get(split, 0)
        if not found and stated != count:
            yield Anomaly(
                "statistics.json", f"interactions.{split} is {stated}, but there are {count} events"
            )

    def finish(self) -> Iterator[Anomaly]:
        """Finds events that are in several splits, and compares the total counts."""
        for side, (_, unknown) in self._cold.items():
            for identity in unknown:
                problem = f"{identity!r} is not the id of any {side}"
                yield Anomaly(cold_file(side), problem, category="unknown ids")
        yield from self._duplicates()
        if self._complete:
            found = {"count": sum(self.counts.values()), "positives": self.positives}
            yield from count_anomalies(self.dataset, "interactions", found)

    def _duplicates(self) -> Iterator[Anomaly]:
        splits = list(self._keys)
        keys = np.concatenate([np.zeros(0, np.int64), *(k for s in splits for k in self._keys[s])])
        lengths = [sum(map(len, self._keys[split])) for split in splits]
        parts = np.repeat(np.arange(len(splits)), lengths)
        rows = np.argsort(keys, kind="stable")
        keys, parts = keys[rows], parts[rows]
        for place in np.flatnonzero(keys[1:] == keys[:-1]):
            user, order = int(keys[place]) >> 32, int(keys[place]) & 0xFFFFFFFF
            first, second = splits[parts[place]], splits[parts[place + 1]]
            where = f"twice in {first}" if first == second else f"in {first} and in {second}"
            yield Anomaly(
                f"interactions/{second}",
                f"event {order} of user row {user} is {where}",
                category="duplicate events",
            )


def beyond(rows: np.ndarray, count: int) -> np.ndarray:
    """Returns the rows outside [0, count), bool."""
    return (rows < 0) | (rows >= count)


def _anomaly(events: Events, event: int, problem: str, category: str) -> Anomaly:
    return Anomaly(events.shard, f"record {events.record[event]}: {problem}", category=category)
