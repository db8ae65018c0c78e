"""Numbers: a year, a price, an age."""

import dataclasses
import math
from pathlib import Path
from typing import Any, ClassVar

import tensorflow as tf

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import Modality, register
from tfmmrec.modalities.text import quote

_LARGEST = float(tf.float32.max)


def to_number(raw: Any) -> float:
    """Reads a number from a table's value.

    Args:
        raw: a number, or one written out, such as `12`, `-3.5` or `1e6`.

    Returns:
        The number, of a size that float32 holds.

    Raises:
        BrokenValue: it is none (true, false and 1_000 are none), not finite or too large.
    """
    try:
        written = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        # Python reads both as numbers; in a table they are a mistake.
        if isinstance(written, bool) or (isinstance(written, str) and "_" in written):
            raise ValueError
        number = float(written)
    except OverflowError:
        raise BrokenValue(f"too large for float32: {quote(raw)}") from None
    except (TypeError, ValueError):
        raise BrokenValue(f"not a number: {quote(raw)}") from None
    if not math.isfinite(number):
        raise BrokenValue(f"not a finite number: {quote(raw)}")
    if abs(number) > _LARGEST:  # it would be stored as infinite, which reads as absent
        raise BrokenValue(f"too large for float32: {quote(raw)}")
    return number


@register
@dataclasses.dataclass(frozen=True)
class Number(Modality):
    """A quantity. Stored as float32; NaN is absent."""

    kind: ClassVar[str] = "number"

    def check(self, raw: Any, folder: Path) -> list[float]:
        return [to_number(raw)]

    def parsing(self) -> tf.io.FixedLenFeature:
        return tf.io.FixedLenFeature([], tf.float32, default_value=math.nan)

    def present(self, values: tf.Tensor) -> tf.Tensor:
        return tf.math.is_finite(values)

    def signature(self, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None], tf.float32, name)
