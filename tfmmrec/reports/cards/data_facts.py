"""Facts about a data folder for its data card."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.interactions import SPLITS, Interactions
from tfmmrec.modalities import Modality
from tfmmrec.reports.data_validation.interaction_statistics import date
from tfmmrec.reports.data_validation.rejects import Rejects
from tfmmrec.reports.number_format import number, share

# Users with fewer positives are counted.
FEW = 5
_MAX_REASONS = 20


def split_rows(dataset: Dataset) -> list[list[str]]:
    """Rows of splits: events, positives, users, items, density, first and last day."""
    cells = dataset.count("users") * dataset.count("items")
    rows = []
    for split in SPLITS:
        events = dataset.events(split)
        counts = (len(events), events.positive.sum(), *map(_distinct, (events.user, events.item)))
        density = f"{len(events) / max(1, cells):.3%}"
        rows.append([split, *(f"{count:,}" for count in counts), density, *_days(dataset, events)])
    return rows


def _distinct(rows: np.ndarray) -> int:
    return len(np.unique(rows))


def _days(dataset: Dataset, events: Interactions) -> tuple[str, str]:
    times = events.time[events.time > 0] if dataset.schema.has_time else events.time[:0]
    return (date(times.min()), date(times.max())) if len(times) else ("", "")


def feature_rows(dataset: Dataset, side: EntityName) -> list[list[str]]:
    """Rows of features: name, modality, number and share of missing values, preprocessing."""
    stated, total = dataset.statistics[side].get("features", {}), dataset.count(side)
    rows = []
    for name, modality in dataset.features(side).items():
        missing = total - stated.get(name, {}).get("present", 0)
        steps = ", ".join(_step(step) for step in _steps(modality))
        rows.append([name, _kind(modality), f"{missing:,}", share(missing, total), steps])
    return rows


def _kind(modality: Modality) -> str:
    several = f", up to {modality.num_values}" if modality.num_values > 1 else ""
    return f"{modality.kind}{several}"


def _steps(modality: Modality) -> list[dict[str, Any]]:
    return [dict(step) for step in modality.options().get("steps", [])]


def _step(options: Mapping[str, Any]) -> str:
    values = [f"{key} {value}" for key, value in options.items() if key != "step" and value]
    return f"{options['step']} ({', '.join(values)})" if values else str(options["step"])


def positive_rule(splits: Sequence[Interactions]) -> list[str]:
    """States how positives differ from other events, as seen in the events of all splits."""
    total = sum(map(len, splits))
    chosen = sum(int(events.positive.sum()) for events in splits)
    if chosen == total:
        return ["Every event is a positive."]
    lines = [f"{chosen:,} of {total:,} events are positives."]
    for name, positive in (("positives", True), ("other events", False)):
        ratings = np.concatenate([e.rating[e.positive == positive] for e in splits])
        ratings = ratings[np.isfinite(ratings)]
        if len(ratings):
            ends = f"{number(float(ratings.min()))} to {number(float(ratings.max()))}"
            lines.append(f"Ratings of {name}: {ends}.")
    return lines


def split_rule(dataset: Dataset) -> list[str]:
    """States how the splits were made, as seen in the events; the rule itself is not stored.

    Events of cold items and cold users are excluded: they are in test by another rule.
    """
    past, test = [dataset.events(split) for split in ("train", "valid")], dataset.events("test")
    known = test.take(~dataset.cold_users[test.user] & ~dataset.cold_items[test.item])
    if not len(known):
        return ["Test has no events of known users and items."]
    last = np.full(dataset.count("users"), -1)
    for events in past:
        np.maximum.at(last, events.user[events.positive], events.order[events.positive])
    before = np.unique(known.user[known.order < last[known.user]])
    users, each = np.unique(known.user, return_counts=True)
    numbers = " to ".join(dict.fromkeys(f"{n:,}" for n in (each.min(), each.max())))
    lines = [
        f"Test events with known items, for each of {len(users):,} known users: {numbers}.",
        f"For {len(users) - len(before):,} of these users, all of them are later than the user's "
        "positives in train and valid.",
    ]
    times = known.time[known.time > 0]
    if dataset.schema.has_time and len(times):
        later = sum(int((events.time > times.min()).sum()) for events in past)
        lines.append(
            f"{share(later, sum(map(len, past)))} of the events in train and valid are later than "
            "the first test event: the history of one user may be the future of another."
        )
    return lines


def imbalances(splits: Sequence[Interactions], num_items: int, num_users: int) -> list[str]:
    """States how unevenly the positives of all splits are distributed over items and users."""
    chosen = [events.take(events.positive) for events in splits]
    per_item = np.sum([np.bincount(e.item, minlength=num_items) for e in chosen], axis=0)
    per_user = np.sum([np.bincount(e.user, minlength=num_users) for e in chosen], axis=0)
    few, without = int((per_user < FEW).sum()), int((per_item == 0).sum())
    popular = (0.01, 0.1) if per_item.any() else ()
    return [
        *(
            f"The most popular {part:.0%} of the items have {on_most_popular(per_item, part):.0%} "
            "of the positives."
            for part in popular
        ),
        f"{without:,} of {num_items:,} items ({share(without, num_items)}) have no positive.",
        f"{few:,} of {num_users:,} users ({share(few, num_users)}) have fewer than {FEW} "
        "positives.",
    ]


def on_most_popular(per_item: np.ndarray, part: float) -> float:
    """Returns the share of all positives that the most popular items have, at least one item.

    Args:
        per_item: number of positives of each item, `[items]`; at least one is not 0.
        part: of the items, rounded up.
    """
    most = max(1, math.ceil(part * len(per_item)))
    return float(np.sort(per_item)[::-1][:most].sum() / per_item.sum())


def reject_rows(dataset: Dataset) -> list[list[str]]:
    """Rows of rejects: table, field, reason and count, the most frequent first."""
    rejects = Rejects(dataset.folder)
    for _ in rejects.read():  # Invalid lines are reported by `tfmmrec check`.
        pass
    ranked = sorted(rejects.groups.items(), key=lambda entry: (-entry[1], entry[0]))
    rows = [[*group, f"{count:,}"] for group, count in ranked[:_MAX_REASONS]]
    if left_out := sum(count for _, count in ranked[_MAX_REASONS:]):
        rows.append(["", "", "other reasons", f"{left_out:,}"])
    return rows
