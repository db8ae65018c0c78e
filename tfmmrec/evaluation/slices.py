"""Parts of what is evaluated, by what items and users are like."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.feature_values import read_feature_column
from tfmmrec.data.schema import features_by_modality
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.evaluation.metrics.bootstrap import UserBootstrap
from tfmmrec.evaluation.ranking.targets import Targets

# Of a feature's categories, the most frequent ones.
_MOST_CATEGORIES = 8
_FROM_COUNTS = (0, 1, 5, 20, 100)
# Below this, a slice says nothing of whether it is worse.
MIN_TARGETS = 30


@dataclasses.dataclass(frozen=True)
class Slice:
    """A part of the targets.

    Attributes:
        group: what the parts of a group differ in.
        name: of the part.
        rows: bool `[targets]`.
    """

    group: str
    name: str
    rows: np.ndarray


def slices_of(dataset: Dataset, items: EncodedEntities, targets: Targets) -> list[Slice]:
    """Divides targets in several ways; parts without targets are left out.

    By how often the item was chosen before: `head` are the items that half of all choices were of,
    most popular first, `tail` those of the last fifth, `middle` what lies between; and by the
    number. By how much the user chose before. By the modalities that the item lacks. By each
    category of items and of users.

    Args:
        dataset: the data folder.
        items: the items as the model reads them.
        targets: what is to be predicted, and what was chosen before.
    """
    found = [
        *_by_popularity(dataset, targets),
        *_by_missing(items, targets),
        *_by_category(dataset, "items", targets.item),
        *_by_category(dataset, "users", targets.user),
    ]
    return [part for part in found if part.rows.any()]


def summarize_slices(
    slices: list[Slice], resamples: UserBootstrap, values: np.ndarray
) -> list[dict[str, object]]:
    """The mean of each slice with its interval, and whether it is worse than the whole.

    Worse is what would come by chance in one of twenty evaluations, all slices taken together
    (Bonferroni), and only where there are 30 targets or more.

    Args:
        slices: parts of the targets.
        resamples: draws of their users.
        values: of each target, float `[targets]`.

    Returns:
        `{"group", "name", "targets", "mean", "low", "high", "worse"}` for each slice.
    """
    if not slices:
        return []
    parts = np.stack([part.rows for part in slices], axis=1)
    intervals = resamples.intervals(values, parts)
    chances = resamples.p_below_overall(values, parts) * len(slices)
    return [
        {
            "group": part.group,
            "name": part.name,
            "targets": int(part.rows.sum()),
            **dataclasses.asdict(interval),
            "worse": bool(chance < 0.05 and part.rows.sum() >= MIN_TARGETS),
        }
        for part, interval, chance in zip(slices, intervals, chances, strict=True)
    ]


def popularity_classes(counts: np.ndarray) -> np.ndarray:
    """Sorts items into 0 (head), 1 (middle) and 2 (tail), int `[items]`, see `slices_of`."""
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    share = before / max(1, counts.sum())
    classes = np.empty(len(counts), int)
    classes[order] = np.searchsorted([0.5, 0.8], share, side="right")
    # What nobody chose is no head, though nothing may have been chosen at all.
    return np.where(counts > 0, classes, 2)


def _by_popularity(dataset: Dataset, targets: Targets) -> Iterator[Slice]:
    counts = targets.histories.counts(dataset.count("items"))
    classes = popularity_classes(counts)[targets.item]
    for number, name in enumerate(("head", "middle", "tail")):
        yield Slice("popularity of the item", name, classes == number)
    yield from _by_number("choices of the item before", counts[targets.item])
    lengths = np.diff(targets.histories.offsets)
    yield from _by_number("choices of the user before", lengths[targets.user])


def _by_number(group: str, numbers: np.ndarray) -> Iterator[Slice]:
    for low, after in zip(_FROM_COUNTS, [*_FROM_COUNTS[1:], None], strict=True):
        if after is None:
            yield Slice(group, f"{low} or more", numbers >= low)
        else:
            name = str(low) if after == low + 1 else f"{low} to {after - 1}"
            yield Slice(group, name, (numbers >= low) & (numbers < after))


def _by_missing(items: EncodedEntities, targets: Targets) -> Iterator[Slice]:
    """By the modalities of which an item has no feature at all."""
    there = {
        modality: np.any([items.encodings[name].present for name in names], axis=0)[targets.item]
        for modality, names in features_by_modality(items.modalities).items()
    }
    lacking = [
        ", ".join(name for name, has in there.items() if not has[row])
        for row in range(len(targets.item))
    ]
    names, which, counts = np.unique(lacking, return_inverse=True, return_counts=True)
    if len(names) > 1:
        for number in np.argsort(-counts, kind="stable"):
            yield Slice("missing of the item", names[number] or "nothing", which == number)


def _by_category(dataset: Dataset, side: EntityName, rows: np.ndarray) -> Iterator[Slice]:
    whose = "item" if side == "items" else "user"
    for name, modality in dataset.features(side).items():
        if not modality.has_vocabulary:
            continue
        held = read_feature_column(dataset, side, name, rows).numpy()
        for category in dataset.categories(side, name)[:_MOST_CATEGORIES]:
            yield Slice(f"{name} of the {whose}", category, (held == category.encode()).any(axis=1))
