"""Vectors: precomputed embeddings, and vectors that a preprocessing step derives."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.config.checks import check_count
from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import MODALITIES, Modality
from tfmmrec.modalities.bracketed_list import read_list
from tfmmrec.modalities.number import to_number
from tfmmrec.modalities.text import quote, to_utf8


@MODALITIES.register("vector")
@dataclasses.dataclass(frozen=True)
class Vector(Modality):
    """A list of numbers of fixed length. Stored as float32; a vector of NaN is absent.

    The table has a list (jsonl, parquet), or a text such as `0.1 0.2`, `0.1,0.2`, `[0.1, 0.2]`
    or `[np.float32(0.1), np.float32(0.2)]`.

    Attributes:
        dim: the length of the vector (required).
    """

    dim: int

    def __post_init__(self) -> None:
        check_count("dim", self.dim, 1)

    def check(self, raw: Any, folder: Path) -> list[float] | None:
        parts = raw if isinstance(raw, list) else self._split(raw)
        if not parts:
            return None
        if len(parts) != self.dim:
            raise BrokenValue(f"{self.dim} numbers are expected. Received: {len(parts)}")
        if all(type(part) is float for part in parts):
            with np.errstate(over="ignore"):
                vector = np.asarray(parts, np.float32)
            if np.isfinite(vector).all():
                return vector.tolist()
        numbers = []
        for number, part in enumerate(parts, start=1):
            try:
                numbers.append(to_number(part))
            except BrokenValue as error:
                reason = f"number {number} is {error}"
                raise BrokenValue(f"{self.dim} numbers are expected; {reason}") from None
        return np.asarray(numbers, np.float32).tolist()

    def _split(self, raw: Any) -> list[Any]:
        if not isinstance(raw, bytes | str):
            raise BrokenValue(f"{self.dim} numbers are expected. Received: {quote(raw)}")
        text = to_utf8(raw).decode("utf-8").strip()
        if text[:1] + text[-1:] in ("[]", "()"):
            if "(" in text[1:] and (numbers := read_list(text)) is not None:  # as NumPy 2 writes
                return numbers
            text = text[1:-1].strip().removesuffix(",")
        return text.split(",") if "," in text else text.split()

    def parsing(self) -> tf.io.FixedLenFeature:
        return tf.io.FixedLenFeature([self.dim], tf.float32, default_value=[math.nan] * self.dim)

    def present(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_all(tf.math.is_finite(values), axis=1)

    def signature(self, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None, self.dim], tf.float32, name)
