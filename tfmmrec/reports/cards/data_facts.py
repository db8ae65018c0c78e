"""What a data card has to know of a data folder."""

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

# Users with fewer choices than these are counted by themselves.
FEW = 5
_MOST_REASONS = 20


def split_rows(dataset: Dataset) -> list[list[str]]:
    """Of each split its events, choices, users, items, density and first and last day."""
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
    """Of each feature of a side its modality, how often it is missing, and its steps."""
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
    told = [f"{key} {value}" for key, value in options.items() if key != "step" and value]
    return f"{options['step']} ({', '.join(told)})" if told else str(options["step"])


def choice_rule(splits: Sequence[Interactions]) -> list[str]:
    """What tells choices from other events, as far as the events of all splits show it."""
    total = sum(map(len, splits))
    chosen = sum(int(events.positive.sum()) for events in splits)
    if chosen == total:
        return ["Every event is a choice (a positive)."]
    told = [f"{chosen:,} of {total:,} events are choices (positives)."]
    for name, positive in (("choices", True), ("other events", False)):
        ratings = np.concatenate([e.rating[e.positive == positive] for e in splits])
        ratings = ratings[np.isfinite(ratings)]
        if len(ratings):
            ends = f"{number(float(ratings.min()))} to {number(float(ratings.max()))}"
            told.append(f"Ratings of {name}: {ends}.")
    return told


def split_rule(dataset: Dataset) -> list[str]:
    """What the splits show of how they were made; the rule itself no data folder keeps.

    What is cold stands in test by another rule, and is left out.
    """
    past, test = [dataset.events(split) for split in ("train", "valid")], dataset.events("test")
    known = test.take(~dataset.cold_users[test.user] & ~dataset.cold_items[test.item])
    if not len(known):
        return ["Test holds no events of known users and items."]
    last = np.full(dataset.count("users"), -1)
    for events in past:
        np.maximum.at(last, events.user[events.positive], events.order[events.positive])
    before = np.unique(known.user[known.order < last[known.user]])
    users, each = np.unique(known.user, return_counts=True)
    numbers = " to ".join(dict.fromkeys(f"{n:,}" for n in (each.min(), each.max())))
    told = [
        f"Events of known items in test, for each of {len(users):,} known users: {numbers}.",
        f"{len(users) - len(before):,} of these users did all of it after what they chose in train "
        "and valid.",
    ]
    times = known.time[known.time > 0]
    if dataset.schema.has_time and len(times):
        later = sum(int((events.time > times.min()).sum()) for events in past)
        told.append(
            f"{share(later, sum(map(len, past)))} of the events in train and valid are later than "
            "the first of these: what is the past of one user may be the future of another."
        )
    return told


def imbalances(splits: Sequence[Interactions], num_items: int, num_users: int) -> list[str]:
    """How unevenly the choices in all splits fall on items and users."""
    chosen = [events.take(events.positive) for events in splits]
    per_item = np.sum([np.bincount(e.item, minlength=num_items) for e in chosen], axis=0)
    per_user = np.sum([np.bincount(e.user, minlength=num_users) for e in chosen], axis=0)
    few, without = int((per_user < FEW).sum()), int((per_item == 0).sum())
    popular = (0.01, 0.1) if per_item.any() else ()
    return [
        *(
            f"The most popular {part:.0%} of the items have {on_most_popular(per_item, part):.0%} "
            "of the choices."
            for part in popular
        ),
        f"{without:,} of {num_items:,} items ({share(without, num_items)}) nobody chose.",
        f"{few:,} of {num_users:,} users ({share(few, num_users)}) have fewer than {FEW} choices.",
    ]


def on_most_popular(per_item: np.ndarray, part: float) -> float:
    """The share of all choices that a part of the items has, the most popular ones, one at least.

    Args:
        per_item: how often each item was chosen, `[items]`; one of them at least.
        part: of the items, rounded up.
    """
    most = max(1, math.ceil(part * len(per_item)))
    return float(np.sort(per_item)[::-1][:most].sum() / per_item.sum())


def reject_rows(dataset: Dataset) -> list[list[str]]:
    """Of what packing could not use, tables, fields and reasons, the most frequent first."""
    rejects = Rejects(dataset.folder)
    for _ in rejects.read():  # Lines that are none of a reject: `tfmmrec check` names them.
        pass
    ranked = sorted(rejects.groups.items(), key=lambda entry: (-entry[1], entry[0]))
    rows = [[*group, f"{count:,}"] for group, count in ranked[:_MOST_REASONS]]
    if left_out := sum(count for _, count in ranked[_MOST_REASONS:]):
        rows.append(["", "", "other reasons", f"{left_out:,}"])
    return rows
