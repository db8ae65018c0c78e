"""Categorical features: one or several names from a vocabulary."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import MODALITIES
from tfmmrec.modalities.bracketed_list import read_list
from tfmmrec.modalities.counters import CategoryCounter
from tfmmrec.modalities.string_list import Strings
from tfmmrec.modalities.text import quote, to_utf8


@MODALITIES.register("categorical")
@dataclasses.dataclass(frozen=True)
class Categorical(Strings):
    """A genre, a brand, a country. Stored as a list of strings; an empty list is absent.

    Attributes:
        separator: the text between the categories in one value. By default a value is one
            category. A list, also one in brackets such as `['a', 'b']`, needs no separator, and
            its members are not split.
    """

    display: ClassVar[str] = "categories"
    is_tabular: ClassVar[bool] = True
    has_vocabulary: ClassVar[bool] = True
    separator: str | None = None

    def check(self, raw: Any, folder: Path) -> list[bytes] | None:
        if isinstance(raw, dict):
            raise BrokenValue(f"categories are expected. Received an object: {quote(raw)}")
        listed = raw if isinstance(raw, list) else read_list(raw, self.separator)
        names = [
            to_utf8(part) for part in ([raw] if listed is None else listed) if part is not None
        ]
        if listed is None and self.separator:
            names = names[0].split(self.separator.encode())
        distinct: dict[bytes, None] = {}
        for name in map(bytes.strip, names):
            if b"\n" in name or b"\r" in name:
                reason = "a category must not contain a line break"
                raise BrokenValue(f"{reason}. Received: {quote(raw)}")
            if name:
                distinct[name] = None
        return list(distinct) or None

    def counter(self) -> CategoryCounter:
        return CategoryCounter()

    def value_anomaly(
        self,
        value: list[bytes],
        vocabulary: Collection[bytes] = (),
        *,
        decode_media: bool = False,
    ) -> str | None:
        unknown = [name.decode(errors="replace") for name in value if name not in vocabulary]
        return f"the category {unknown[0]!r} is not in its vocabulary" if unknown else None

    def add_domain(
        self, feature: Any, statistics: Mapping[str, Any], categories: Sequence[str]
    ) -> None:
        feature.value_count.max = max(1, statistics.get("max_values", 1))
        feature.string_domain.name = feature.name
        feature.string_domain.value.extend(categories)
