"""Slices of the targets, by properties of their items and users."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.feature_values import read_feature_column
from tfmmrec.data.schema import features_by_modality
from tfmmrec.encoders.encoded_features import EncodedEntities
from tfmmrec.evaluation.metrics.bootstrap import UserBootstrap
from tfmmrec.evaluation.ranking.targets import Targets
from tfmmrec.models.bundle import ModelBundle

# Number of categories of a feature with a slice, the most frequent first.
_MAX_CATEGORIES = 8
# Classes of items by their number of training events. `head`: the most popular items that together
# have half of the events; `tail`: those with the last fifth; `middle`: those in between.
POPULARITY_CLASSES = ("head", "middle", "tail", "never chosen")
_COUNT_BINS = (0, 1, 5, 20, 100)
# A slice with fewer targets is never marked as worse.
MIN_TARGETS = 30


@dataclasses.dataclass(frozen=True)
class Slice:
    """A slice of the targets.

    Attributes:
        group: the property by which the slices of a group differ.
        name: of the slice, a value of the property.
        rows: bool `[targets]`.
    """

    group: str
    name: str
    rows: np.ndarray


def slices_of(bundle: ModelBundle, targets: Targets) -> list[Slice]:
    """Slices the targets by several properties; empty slices are omitted.

    The properties are: whether the user chose the item before, if such items can be candidates; the
    popularity of the item, see POPULARITY_CLASSES; the number of earlier
    events of the item and of the user; the missing modalities of the item; and each category of
    items and of users.

    Args:
        bundle: the evaluated model with its data.
        targets: the targets with the histories before them.
    """
    dataset = bundle.dataset
    found = [
        *_by_repeat(dataset, targets),
        *_by_popularity(bundle, targets),
        *_by_missing(bundle.items, targets),
        *_by_category(dataset, "items", targets.item),
        *_by_category(dataset, "users", targets.user),
    ]
    return [own for own in found if own.rows.any()]


def summarize_slices(
    slices: list[Slice], bootstrap: UserBootstrap, values: np.ndarray
) -> list[dict[str, object]]:
    """Computes the mean of each slice with its interval, and whether it is worse than the whole.

    `worse` is true if the mean is below that of all targets at a family-wise error rate of 5 % over
    all slices (Bonferroni), and the slice has at least 30 targets of 10 users.

    Args:
        slices: the slices.
        bootstrap: over the users of the targets.
        values: the metric of each target, float `[targets]`.

    Returns:
        `{"group", "name", "targets", "mean", "low", "high", "worse"}` for each slice.
    """
    if not slices:
        return []
    masks = np.stack([own.rows for own in slices], axis=1)
    intervals = bootstrap.intervals(values, masks)
    p_values = bootstrap.p_below_overall(values, masks) * len(slices)
    return [
        {
            "group": own.group,
            "name": own.name,
            "targets": int(own.rows.sum()),
            **dataclasses.asdict(interval),
            "worse": bool(p_value < 0.05 and own.rows.sum() >= MIN_TARGETS),
        }
        for own, interval, p_value in zip(slices, intervals, p_values, strict=True)
    ]


def popularity_classes(counts: np.ndarray) -> np.ndarray:
    """Returns the class of each item by its number of events, `[items]`.

    Returns:
        int `[items]`, an index of POPULARITY_CLASSES.
    """
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    share = before / max(1, counts.sum())
    classes = np.empty(len(counts), int)
    classes[order] = np.searchsorted([0.5, 0.8], share, side="right")
    return np.where(counts > 0, classes, POPULARITY_CLASSES.index("never chosen"))


def _by_repeat(dataset: Dataset, targets: Targets) -> Iterator[Slice]:
    if dataset.schema.ranks_histories:
        are_repeats = targets.are_repeats
        yield Slice("item of the history", "yes", are_repeats)
        yield Slice("item of the history", "no", ~are_repeats)


def _by_popularity(bundle: ModelBundle, targets: Targets) -> Iterator[Slice]:
    num_items = bundle.dataset.count("items")
    # The events of the training, which may be fewer than those of the histories.
    classes = popularity_classes(bundle.histories.counts(num_items))[targets.item]
    # Cold-start items are held out from training, rather than never chosen.
    is_cold = bundle.dataset.cold_items[targets.item]
    for number, name in enumerate(POPULARITY_CLASSES):
        yield Slice("popularity of the item", name, ~is_cold & (classes == number))
    counts = targets.histories.counts(num_items)
    yield from _by_number("earlier events of the item", counts[targets.item])
    lengths = np.diff(targets.histories.offsets)
    yield from _by_number("earlier events of the user", lengths[targets.user])


def _by_number(group: str, numbers: np.ndarray) -> Iterator[Slice]:
    for low, after in zip(_COUNT_BINS, [*_COUNT_BINS[1:], None], strict=True):
        if after is None:
            yield Slice(group, f"{low} or more", numbers >= low)
        else:
            name = str(low) if after == low + 1 else f"{low} to {after - 1}"
            yield Slice(group, name, (numbers >= low) & (numbers < after))


def _by_missing(items: EncodedEntities, targets: Targets) -> Iterator[Slice]:
    """By the modalities of which the item has no feature."""
    present = {
        modality: np.any([items.encodings[name].present for name in names], axis=0)[targets.item]
        for modality, names in features_by_modality(items.modalities).items()
    }
    missing = [
        ", ".join(name for name, has in present.items() if not has[row])
        for row in range(len(targets.item))
    ]
    names, which, counts = np.unique(missing, return_inverse=True, return_counts=True)
    if len(names) > 1:
        for number in np.argsort(-counts, kind="stable"):
            yield Slice("missing modalities of the item", names[number] or "none", which == number)


def _by_category(dataset: Dataset, entity: EntityName, rows: np.ndarray) -> Iterator[Slice]:
    whose = "item" if entity == "items" else "user"
    for name, modality in dataset.features(entity).items():
        if not modality.has_vocabulary:
            continue
        values = read_feature_column(dataset, entity, name, rows).numpy()
        for category in dataset.categories(entity, name)[:_MAX_CATEGORIES]:
            yield Slice(
                f"{name} of the {whose}", category, (values == category.encode()).any(axis=1)
            )
