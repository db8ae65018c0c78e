"""Text: any language, stored as UTF-8."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, ClassVar

import tensorflow as tf

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import Modality, register


def to_utf8(raw: Any) -> bytes:
    """Encodes a table's value: a text, or a number, true or false as JSON writes them.

    Args:
        raw: the value as the table has it, bytes of csv and tsv among them.

    Raises:
        BrokenValue: it is no Unicode, a list, an object, or a number that is not finite.
    """
    if isinstance(raw, list | tuple | dict):
        what = "an object" if isinstance(raw, dict) else "a list"
        raise BrokenValue(f"{what} stands where a text is to be: {quote(raw)}")
    if isinstance(raw, float) and not math.isfinite(raw):
        raise BrokenValue(f"neither a text nor a finite number: {quote(raw)}")
    try:
        if isinstance(raw, bytes):
            raw.decode("utf-8")
            return raw
        return (str(raw).lower() if isinstance(raw, bool) else str(raw)).encode("utf-8")
    except UnicodeDecodeError as error:
        start = quote(raw[max(0, error.start - 20) : error.start + 10])
        raise BrokenValue(f"not valid UTF-8 at byte {error.start + 1}: {start}") from None
    except UnicodeEncodeError as error:
        raise BrokenValue(
            f"not valid UTF-8 at character {error.start + 1}: half of a surrogate pair"
        ) from None


def quote(raw: Any, most: int = 60) -> str:
    """Returns a value as a reason shows it: in quotes or as JSON, cut after `most` characters."""
    if isinstance(raw, bytes):
        raw = raw[: 4 * most].decode("utf-8", "replace")
    if isinstance(raw, str):
        shown = repr(raw[: most + 1])
    else:
        shown = json.dumps(raw, ensure_ascii=False, default=str)
    return shown if len(shown) <= most + 2 else f"{shown[:most]}…"


@register
@dataclasses.dataclass(frozen=True)
class Text(Modality):
    """A title, a description, a comment. Stored as a UTF-8 string; "" is absent."""

    kind: ClassVar[str] = "text"

    def check(self, raw: Any, folder: Path) -> list[bytes] | None:
        text = to_utf8(raw).strip()
        return [text] if text else None

    def parsing(self) -> tf.io.FixedLenFeature:
        return tf.io.FixedLenFeature([], tf.string, default_value="")

    def present(self, values: tf.Tensor) -> tf.Tensor:
        return tf.strings.length(values) > 0

    def signature(self, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None], tf.string, name)
