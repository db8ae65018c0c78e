"""The interactions against the number of items and users, and the splits against each other."""

from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.reports.data_validation.anomalies import Fault
from tfmmrec.reports.data_validation.cold_rows import SIDES, cold_file, cold_rows
from tfmmrec.reports.data_validation.interaction_reader import EventReader, Events
from tfmmrec.reports.data_validation.record_anomalies import wrong_counts


class EventChecks:
    """Checks the events of all splits as they pass; memory grows by eight bytes an event."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self.counts: dict[str, int] = {}
        self.positives = 0
        self._complete = True
        self._ids = {"item": dataset.item_ids, "user": dataset.user_ids}
        self._cold = {side: cold_rows(dataset, side) for side in SIDES}
        # What each event is known by over all splits: its user and its place in the history.
        self._keys: dict[str, list[np.ndarray]] = {}

    def observe(self, split: str, events: Events) -> Iterator[Fault]:
        """Checks some events of one split."""
        columns = events.columns
        self.counts[split] = self.counts.get(split, 0) + len(columns["item"])
        self.positives += int((columns["positive"] == 1).sum())
        for name, ids in self._ids.items():
            for event in np.flatnonzero(beyond(columns[name], len(ids))):
                problem = f"{name} row {columns[name][event]}, but there are {len(ids)} {name}s"
                yield _fault(events, event, problem, f"{name}s beyond the vocabulary")
        for event in np.flatnonzero((columns["positive"] != 0) & (columns["positive"] != 1)):
            problem = f"positive is {columns['positive'][event]}, which is neither 0 nor 1"
            yield _fault(events, event, problem, "positive")
        for name, (cold, _) in self._cold.items() if split != "test" else ():
            for event in np.flatnonzero(np.isin(columns[name], cold)):
                problem = f"{name} row {columns[name][event]} is cold, so it may stand in test only"
                yield _fault(events, event, problem, f"cold {name}s")
        order = columns["order"]
        same = events.record[1:] == events.record[:-1]
        for event in np.flatnonzero(same & (order[1:] <= order[:-1])) + 1:
            problem = f"order {order[event]} stands behind {order[event - 1]}"
            yield _fault(events, event, problem, "order")
        self._keys.setdefault(split, []).append(columns["user"] << 32 | order)

    def finish_split(self, split: str, reader: EventReader) -> Iterator[Fault]:
        """Compares the counts of one split, once all its events have passed."""
        found = [*reader.shards.faults, *reader.faults]
        yield from found
        self._complete &= not found
        stated = self.dataset.statistics["interactions"].get(split)
        count = self.counts.get(split, 0)
        if not found and stated != count:
            yield Fault(
                "statistics.json", f"interactions.{split} is {stated}, but {count} are there"
            )

    def finish(self) -> Iterator[Fault]:
        """Compares the splits with each other and the counts of all."""
        for side, (_, unknown) in self._cold.items():
            for identity in unknown:
                problem = f"{identity!r} is the id of no {side}"
                yield Fault(cold_file(side), problem, about="unknown ids")
        yield from self._twice()
        if self._complete:
            found = {"count": sum(self.counts.values()), "positives": self.positives}
            yield from wrong_counts(self.dataset, "interactions", found)

    def _twice(self) -> Iterator[Fault]:
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
            yield Fault(
                f"interactions/{second}",
                f"event {order} of user row {user} stands {where}",
                about="events that stand twice",
            )


def beyond(rows: np.ndarray, count: int) -> np.ndarray:
    """Says which rows are none of `count`."""
    return (rows < 0) | (rows >= count)


def _fault(events: Events, event: int, problem: str, about: str) -> Fault:
    return Fault(events.shard, f"record {events.record[event]}: {problem}", about=about)
