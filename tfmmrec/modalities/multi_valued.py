"""Multi-valued features: the pictures of a listing, the reviews of a book."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfmmrec.errors import BrokenValue, ConfigError, SomeBroken
from tfmmrec.modalities.base import Modality
from tfmmrec.modalities.bracketed_list import read_list
from tfmmrec.modalities.string_list import Strings


@dataclasses.dataclass(frozen=True)
class MultiValued(Strings):
    """A list of values of one modality, each packed and encoded separately; [] is absent.

    Its `kind` is that of its values, so that a search by a picture also finds features of several
    pictures. Invalid values are left out; the others are kept.

    Attributes:
        inner: the modality of each value; its steps run on each value.
        separator: the text between the values in a single string. By default a string is one
            value. A list, also one in brackets such as `['a', 'b']`, needs no separator, and the
            strings in it are not split.
        max_values: the maximum number of values (default 8); the first valid ones are kept.

    Raises:
        ConfigError: `max_values` is below 1, `separator` is empty, or a step derives a feature
            that cannot be multi-valued.
    """

    inner: Modality
    separator: str | None = None
    max_values: int = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", self.inner.kind)
        if self.separator == "":
            raise ConfigError("separator must not be empty; use multi_valued: true for lists")
        if self.max_values < 1:
            raise ConfigError(f"max_values must be at least 1. Received: {self.max_values}")
        for suffix, modality in self.inner.derived().items():
            if not modality.can_be_multi_valued:
                raise ConfigError(
                    f"the step that derives {suffix} ({modality.kind}) needs a feature of one value"
                )

    @property
    def element(self) -> Modality:
        return self.inner

    @property
    def num_values(self) -> int:
        return self.max_values

    @property
    def reads_files(self) -> bool:
        return self.inner.reads_files

    def paths(self, raw: Any) -> list[str]:
        found: list[str] = []
        for value in self._values(raw):
            # A value of another type has been rejected; the others are files.
            with contextlib.suppress(BrokenValue):
                found.extend(self.inner.paths(value))
        return found

    def check(self, raw: Any, folder: Path) -> list[bytes] | None:
        return self.pack(raw, folder).get("")  # type: ignore[return-value]

    def pack(self, raw: Any, folder: Path) -> dict[str, list[bytes] | list[float]]:
        packed: dict[str, list[Any]] = {}
        reasons = []
        for number, value in enumerate(self._values(raw), start=1):
            if len(packed.get("", ())) == self.max_values:
                break
            try:
                found = self.inner.pack(value, folder)
            except BrokenValue as error:
                reasons.append(f"value {number}: {error}")
                continue
            for suffix, values in found.items():
                packed.setdefault(suffix, []).extend(values)
        if reasons:
            raise SomeBroken(reasons, packed)
        return packed

    def _values(self, raw: Any) -> Iterator[Any]:
        listed = raw if isinstance(raw, list) else read_list(raw, self.separator)
        if listed is not None:
            parts = listed
        elif self.separator and isinstance(raw, str | bytes):
            text = self.separator if isinstance(raw, str) else self.separator.encode()
            parts = [part.strip() for part in raw.split(text)]  # type: ignore[arg-type]
        else:
            parts = [raw]
        return (part for part in parts if part not in (None, "", b""))

    def derived(self) -> Mapping[str, Modality]:
        return {
            suffix: MultiValued(modality, max_values=self.max_values, steps=modality.steps)
            for suffix, modality in self.inner.derived().items()
        }

    def servable(self, value: bytes) -> bytes:
        return self.inner.servable(value)

    def from_request(self, values: Any) -> Any:
        return super().from_request(values)[:, : self.max_values]

    def options(self) -> dict[str, Any]:
        several: dict[str, Any] = {"multi_valued": True}
        if self.separator is not None:
            several = {"separator": self.separator}
        return {**self.inner.options(), **several, "max_values": self.max_values}
