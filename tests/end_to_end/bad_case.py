"""What a bad piece of input is, and what packing is to make of it."""

import dataclasses
from typing import Any

AS_IS = object()  # packed, bit for bit what was put in


@dataclasses.dataclass(frozen=True)
class Case:
    """One bad (or only odd) value, and what is to happen.

    Attributes:
        name: the case in words.
        field: the column it stands in.
        value: what stands there; of a picture or sound the file's bytes.
        packed: the stored value, AS_IS, "png" for a picture that is stored as that, or None when
            the feature is to be absent.
        rejected: a regular expression that the reason is to match, or None.
        row_lost: whether the whole row is rejected, not the value alone.
        line: the bytes of the whole line, where they are not made from the value.
        id: of the row, by default the case's name.
        xfail: why the case does not hold yet.
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
