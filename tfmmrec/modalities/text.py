"""Text: any language, stored as UTF-8."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import tensorflow as tf

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import Modality, register


def to_utf8(raw: Any) -> bytes:
    """Encodes a table's value; raises BrokenValue for bytes or characters that are no Unicode."""
    try:
        if isinstance(raw, bytes):
            return raw.decode("utf-8").encode("utf-8")
        return str(raw).encode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise BrokenValue(f"not valid UTF-8: {error.reason}") from None


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
