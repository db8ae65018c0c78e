"""Which items may be recommended: a list of candidates, and conditions on features."""

import operator
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import read_feature_column
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.serving.id_lists import closest_id, did_you_mean, read_ids

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONDITION = re.compile(r"\s*(!=|<=|>=|=|<|>)\s*(.*)", re.DOTALL)


def item_mask(dataset: Dataset, candidates: Path | None, where: Sequence[str]) -> np.ndarray | None:
    """Returns which items may be recommended, bool `[items]`; None for all.

    Args:
        dataset: the data folder.
        candidates: a file with one item id per line (None for all items).
        where: conditions such as `types=fire` or `year >= 1990`, all of which hold.

    Raises:
        ConfigError: a condition is invalid.
        DataError: a candidate does not exist, or no item is left.
    """
    if candidates is None and not where:
        return None
    mask = np.ones(dataset.count("items"), bool)
    if candidates is not None:
        mask &= _candidate_mask(candidates, dataset)
    for condition in where:
        mask &= matching_items(dataset, condition)
    if not mask.any():
        raise DataError(f"{dataset.folder}: no item has {' and '.join(where)}")
    return mask


def matching_items(dataset: Dataset, condition: str) -> np.ndarray:
    """Returns which items meet a condition, bool `[items]`; never those without the feature.

    Args:
        dataset: the data folder.
        condition: `FEATURE=CATEGORY` or `FEATURE!=CATEGORY`, where an item with several categories
            has each of them; or a number compared by `=`, `!=`, `<`, `<=`, `>` or `>=`.

    Raises:
        ConfigError: there is no such feature, category or comparison.
    """
    features = dataset.features("items")
    feature, rest = split_feature("where", condition, features)
    found = _CONDITION.fullmatch(rest)
    if found is None:
        raise ConfigError(
            f"--where: {condition!r}: write {feature}=VALUE, or another of "
            f"{', '.join(_COMPARISONS)}"
        )
    sign, value = found[1], found[2].strip()
    modality = features[feature]
    is_category = modality.has_vocabulary and value in dataset.categories("items", feature)
    if value.startswith("=") and not is_category:
        raise ConfigError(
            f"--where: {condition!r}: write {sign}, as in {feature}{sign}{value.lstrip('= ')}"
        )
    rows = np.arange(dataset.count("items"))
    if modality.has_vocabulary:
        if sign not in ("=", "!="):
            raise ConfigError(f"--where: {feature} has categories; compare them by = or !=")
        categories = dataset.categories("items", feature)
        if value not in categories:
            hint = did_you_mean(value, categories)
            raise ConfigError(f"--where: {feature} has no category {value!r}{hint}")
        table = read_feature_column(dataset, "items", feature, rows).numpy()
        has_value = (table == value.encode()).any(axis=1)
        return has_value if sign == "=" else ~has_value & (table != b"").any(axis=1)
    if modality.kind == "number":
        try:
            number = float(value)
        except ValueError:
            raise ConfigError(f"--where: {feature} is a number. Received: {value!r}") from None
        column = read_feature_column(dataset, "items", feature, rows).numpy()
        # Values are stored in float32.
        return _COMPARISONS[sign](column, np.float32(number)) & ~np.isnan(column)
    raise ConfigError(
        f"--where: {feature} is {modality.kind}; only categories and numbers can be compared"
    )


def split_feature(option: str, text: str, features: Collection[str]) -> tuple[str, str]:
    """Splits `FEATURE=VALUE` and the like after the name of the feature.

    Raises:
        ConfigError: the text does not start with a feature.
    """
    starts = [name for name in features if text.startswith(name)]
    # Of two features such as `year` and `year_of_birth`, the one that an operator follows.
    fitting = [name for name in starts if _CONDITION.match(text[len(name) :])]
    if fitting or starts:
        name = max(fitting or starts, key=len)
        return name, text[len(name) :]
    written = re.split(r"[=<>!]", text)[0].strip()
    listed = ", ".join(features) or "none"
    hint = did_you_mean(written, list(features))
    raise ConfigError(f"--{option}: no feature {written!r}{hint or f'; there are {listed}'}")


def _candidate_mask(path: Path, dataset: Dataset) -> np.ndarray:
    mask = np.zeros(len(dataset.item_ids), bool)
    names = read_ids(path)
    unknown = [name for name in names if name not in dataset.item_rows]
    if unknown:
        raise DataError(
            f"{path}: {len(unknown)} of {len(names)} ids are no items of {dataset.folder}, "
            f"the first {unknown[0]!r}{closest_id(unknown[0], dataset.item_rows)}"
        )
    mask[[dataset.item_rows[name] for name in names]] = True
    if not mask.any():
        raise DataError(f"{path}: names no item; one id a line is needed")
    return mask
