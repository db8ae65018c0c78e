"""Text in any language, stored as UTF-8."""

import dataclasses
import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import tensorflow as tf

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import MODALITIES, Modality, SearchOption


def to_utf8(raw: Any) -> bytes:
    """Encodes a table's value as UTF-8: a text, or a number, true or false as written in JSON.

    Args:
        raw: the value in the table; csv and tsv files give bytes.

    Raises:
        BrokenValue: the value is not valid Unicode, or is a list, an object, or a number that is
            not finite.
    """
    try:
        # Most values are texts, so all other types are told apart after them.
        if isinstance(raw, str):
            return raw.encode("utf-8")
        if isinstance(raw, bytes):
            raw.decode("utf-8")
            return raw
        return _written(raw).encode("utf-8")
    except UnicodeDecodeError as error:
        start = quote(raw[max(0, error.start - 20) : error.start + 10])
        raise BrokenValue(
            f"not valid UTF-8 at byte {error.start + 1}: {start}; "
            "if the table has another encoding, give it, such as encoding: cp1252"
        ) from None
    except UnicodeEncodeError as error:
        raise BrokenValue(
            f"not valid UTF-8 at character {error.start + 1}: half of a surrogate pair"
        ) from None


def _written(raw: Any) -> str:
    """Writes a value that is not a text as in JSON."""
    if isinstance(raw, BrokenValue):  # which the reader of the table could not convert
        raise raw
    if isinstance(raw, list | tuple | dict):
        what = "an object" if isinstance(raw, dict) else "a list"
        raise BrokenValue(f"a text is expected. Received {what}: {quote(raw)}")
    if isinstance(raw, float) and not math.isfinite(raw):
        raise BrokenValue(f"a text or a finite number is expected. Received: {quote(raw)}")
    return str(raw).lower() if isinstance(raw, bool) else str(raw)


def quote(raw: Any, max_chars: int = 60) -> str:
    """Formats a value for a message: in quotes or as JSON, cut after `max_chars` characters."""
    if isinstance(raw, bytes):
        raw = raw[: 4 * max_chars].decode("utf-8", "replace")
    if isinstance(raw, str):
        quoted = repr(raw[: max_chars + 1])
    else:
        quoted = json.dumps(raw, ensure_ascii=False, default=str)
    return quoted if len(quoted) <= max_chars + 2 else f"{quoted[:max_chars]}…"


@MODALITIES.register("text")
@dataclasses.dataclass(frozen=True)
class Text(Modality):
    """A title, a description, a comment. Stored as a UTF-8 string; "" is absent."""

    display: ClassVar[str] = "text"
    can_be_multi_valued: ClassVar[bool] = True
    search_option: ClassVar[SearchOption | None] = SearchOption(
        "words, found in any text of the items; FEATURE=words: in one feature", is_file=False
    )

    def check(self, raw: Any, folder: Path) -> list[bytes] | None:
        text = to_utf8(raw).strip()
        return [text] if text else None

    def parsing(self) -> tf.io.FixedLenFeature:
        return tf.io.FixedLenFeature([], tf.string, default_value="")

    def present(self, values: tf.Tensor) -> tf.Tensor:
        return tf.strings.length(values) > 0

    def signature(self, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None], tf.string, name)

    def value_anomaly(
        self, value: bytes, vocabulary: Collection[bytes] = (), *, decode_media: bool = False
    ) -> str | None:
        try:
            value.decode("utf-8")
        except UnicodeDecodeError as error:
            return f"not valid UTF-8: {error.reason}"
        return None

    def add_domain(
        self, feature: Any, statistics: Mapping[str, Any], categories: Sequence[str]
    ) -> None:
        feature.natural_language_domain.SetInParent()
