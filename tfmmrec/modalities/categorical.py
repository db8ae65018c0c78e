"""Categories: one or several names from a vocabulary."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from tfmmrec.errors import BrokenValue
from tfmmrec.modalities.base import register
from tfmmrec.modalities.string_list import Strings
from tfmmrec.modalities.text import quote, to_utf8


@register
@dataclasses.dataclass(frozen=True)
class Categorical(Strings):
    """A genre, a brand, a country. Stored as a list of strings; an empty list is absent.

    Attributes:
        separator: what stands between several categories in one value; by default a value is
            one category. A JSON list is several without it.
    """

    kind: ClassVar[str] = "categorical"
    separator: str | None = None

    def check(self, raw: Any, folder: Path) -> list[bytes] | None:
        if isinstance(raw, dict):
            raise BrokenValue(f"an object stands where categories are to be: {quote(raw)}")
        parts = raw if isinstance(raw, list) else [raw]
        names = [to_utf8(part) for part in parts if part is not None]
        if self.separator:
            names = [name for part in names for name in part.split(self.separator.encode())]
        names = [name.strip() for name in names]
        if any(b"\n" in name or b"\r" in name for name in names):
            raise BrokenValue(f"a category holds a line break: {quote(raw)}")
        return list(dict.fromkeys(name for name in names if name)) or None
