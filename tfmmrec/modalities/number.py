"""Numbers: a year, a price, an age."""

import dataclasses
import math
from pathlib import Path
from typing import Any, ClassVar

import tensorflow as tf

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import Modality, register

_LARGEST = float(tf.float32.max)


def to_number(raw: Any) -> float:
    """Reads a finite number from a table's value; raises BrokenValue otherwise."""
    try:
        number = float(raw.decode("utf-8") if isinstance(raw, bytes) else raw)
    except (TypeError, ValueError, OverflowError):
        raise BrokenValue(f"not a number: {raw!r}") from None
    if not math.isfinite(number):
        raise BrokenValue(f"not a finite number: {raw!r}")
    return number


@register
@dataclasses.dataclass(frozen=True)
class Number(Modality):
    """A quantity. Stored as float32; NaN is absent."""

    kind: ClassVar[str] = "number"

    def check(self, raw: Any, folder: Path) -> list[float]:
        number = to_number(raw)
        if abs(number) > _LARGEST:  # it would be stored as infinite, which reads as absent
            raise BrokenValue(f"too large for float32: {raw!r}")
        return [number]

    def parsing(self) -> tf.io.FixedLenFeature:
        return tf.io.FixedLenFeature([], tf.float32, default_value=math.nan)

    def present(self, values: tf.Tensor) -> tf.Tensor:
        return tf.math.is_finite(values)

    def signature(self, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None], tf.float32, name)
