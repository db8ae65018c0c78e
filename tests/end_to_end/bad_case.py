"""A case of invalid input and the expected result of packing."""

import dataclasses
from typing import Any

AS_IS = object()  # packed unchanged


@dataclasses.dataclass(frozen=True)
class Case:
    """An invalid or unusual value and the expected result.

    Attributes:
        name: the case in words.
        field: the column of the value.
        value: the value; for a picture or sound, the bytes of the file.
        packed: the expected stored value, AS_IS, "png" or "jpeg" for a picture drawn again, or
            None for an absent feature.
        rejected: a regular expression for the reason, or None.
        row_lost: whether the whole row is rejected, not only the value.
        line: the bytes of the whole line, if they are not made from the value.
        id: the id of the row (default: the name of the case).
        xfail: why the case fails, or None.
    """

    name: str
    field: str | None
    value: Any = None
    packed: Any = None
    rejected: str | None = None
    row_lost: bool = False
    line: bytes | None = None
    id: Any = None
    xfail: str | None = None
