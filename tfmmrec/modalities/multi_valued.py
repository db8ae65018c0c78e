"""Several values of a feature: the pictures of a listing, the reviews of a book."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfmmrec.errors import BrokenValue, ConfigError, SomeBroken
from tfmmrec.modalities.base import SEVERAL, Modality
from tfmmrec.modalities.media_file import Media
from tfmmrec.modalities.string_list import Strings


@dataclasses.dataclass(frozen=True)
class MultiValued(Strings):
    """Values of one modality, each packed as if it stood alone. An empty list is absent.

    Of the kind of its values to all that ask, so that a search by a picture finds it. What is
    broken among the values is left out of them, and the others stay.

    Attributes:
        one: the modality of each value; its steps run on each.
        separator: what stands between several values in one text; by default a text is one value.
            A list is several without it, and the texts in a list are not cut.
        most: how many values are kept (default 8), the first that can be used.

    Raises:
        ConfigError: `most` is below 1, `separator` is empty, or a step derives what a row has only
            one of.
    """

    one: Modality
    separator: str | None = None
    most: int = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", self.one.kind)
        object.__setattr__(self, "element", self.one.kind)
        if self.separator == "":
            raise ConfigError("separator must not be empty; many: true takes lists")
        if self.most < 1:
            raise ConfigError(f"most must be at least 1. Received: {self.most}")
        for suffix, modality in self.one.derived().items():
            if modality.kind not in SEVERAL:
                raise ConfigError(
                    f"the step that derives {suffix} ({modality.kind}) takes a feature of one value"
                )

    @property
    def num_values(self) -> int:
        return self.most

    def check(self, raw: Any, folder: Path) -> list[bytes] | None:
        return self.pack(raw, folder).get("")  # type: ignore[return-value]

    def pack(self, raw: Any, folder: Path) -> dict[str, list[bytes] | list[float]]:
        packed: dict[str, list[Any]] = {}
        reasons = []
        for place, value in enumerate(self._values(raw), start=1):
            if len(packed.get("", ())) == self.most:
                break
            try:
                found = self.one.pack(value, folder)
            except BrokenValue as error:
                reasons.append(f"value {place}: {error}")
                continue
            for suffix, values in found.items():
                packed.setdefault(suffix, []).extend(values)
        if reasons:
            raise SomeBroken(reasons, packed)
        return packed

    def _values(self, raw: Any) -> Iterator[Any]:
        if isinstance(raw, list):
            parts = raw
        elif self.separator and isinstance(raw, str | bytes):
            text = self.separator if isinstance(raw, str) else self.separator.encode()
            parts = [part.strip() for part in raw.split(text)]  # type: ignore[arg-type]
        else:
            parts = [raw]
        return (part for part in parts if part not in (None, "", b""))

    def derived(self) -> Mapping[str, Modality]:
        return {
            suffix: several(modality, {"most": self.most})
            for suffix, modality in self.one.derived().items()
        }

    def servable(self, value: bytes) -> bytes:
        return self.one.servable(value)

    def from_request(self, values: Any) -> Any:
        return super().from_request(values)[:, : self.most]

    def options(self) -> dict[str, Any]:
        separated = {"many": True} if self.separator is None else {"separator": self.separator}
        return {**self.one.options(), **separated, "most": self.most}


@dataclasses.dataclass(frozen=True)
class SeveralFiles(MultiValued, Media):
    """Several files of a row, named in its table."""


def several(one: Modality, options: Mapping[str, Any]) -> MultiValued:
    """Wraps a modality whose feature holds several values."""
    return SEVERAL[one.kind](one=one, steps=one.steps, **options)


SEVERAL.update(text=MultiValued, image=SeveralFiles, audio=SeveralFiles)
