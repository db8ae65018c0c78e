"""Numeric features: a year, a price, an age."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import tensorflow as tf

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import MODALITIES, Modality
from tfmmrec.modalities.counters import NumberCounter
from tfmmrec.modalities.text import quote

_LARGEST = float(tf.float32.max)


def to_number(raw: Any) -> float:
    """Reads a number from a table's value.

    Args:
        raw: a number, or its text, such as `12`, `-3.5` or `1e6`.

    Returns:
        The number, within the range of float32.

    Raises:
        BrokenValue: the value is not a number (neither are true, false and 1_000), is not finite,
            or exceeds the range of float32.
    """
    try:
        written = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        # Python accepts both as numbers; in a table they are mistakes.
        if isinstance(written, bool) or (isinstance(written, str) and "_" in written):
            raise ValueError
        number = float(written)
    except OverflowError:
        raise BrokenValue(f"too large for float32: {quote(raw)}") from None
    except (TypeError, ValueError):
        if isinstance(raw, BrokenValue):  # which the reader of the table could not convert
            raise raw from None
        raise BrokenValue(f"not a number: {quote(raw)}") from None
    if not math.isfinite(number):
        raise BrokenValue(f"not a finite number: {quote(raw)}")
    if abs(number) > _LARGEST:  # float32 would store infinity, which reads as absent
        raise BrokenValue(f"too large for float32: {quote(raw)}")
    return number


@MODALITIES.register("number")
@dataclasses.dataclass(frozen=True)
class Number(Modality):
    """A quantity. Stored as float32; NaN is absent."""

    display: ClassVar[str] = "number"
    is_tabular: ClassVar[bool] = True

    def check(self, raw: Any, folder: Path) -> list[float]:
        return [to_number(raw)]

    def parsing(self) -> tf.io.FixedLenFeature:
        return tf.io.FixedLenFeature([], tf.float32, default_value=math.nan)

    def present(self, values: tf.Tensor) -> tf.Tensor:
        return tf.math.is_finite(values)

    def signature(self, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None], tf.float32, name)

    def counter(self) -> NumberCounter:
        return NumberCounter()

    def add_domain(
        self, feature: Any, statistics: Mapping[str, Any], categories: Sequence[str]
    ) -> None:
        if statistics["present"] and statistics.get("quantiles"):
            feature.float_domain.min = statistics["quantiles"][0]
            feature.float_domain.max = statistics["quantiles"][-1]
