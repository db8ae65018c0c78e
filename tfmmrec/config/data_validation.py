"""How to check a data folder; apart from what does it, for the command line to load alone."""

import dataclasses
from pathlib import Path

from tfmmrec.config.known_fields import known_fields


@known_fields
@dataclasses.dataclass(frozen=True)
class CheckConfig:
    """How to check.

    Attributes:
        report: a file to write the report to, one page that needs nothing else.
        schema: a folder to write the schemas of TensorFlow Metadata to, as text.
        media: decode every picture and sound too, which takes long.
        seed: of the samples.
        quiet: print the verdict only.
    """

    report: Path | None = None
    schema: Path | None = None
    media: bool = False
    seed: int = 0
    quiet: bool = False
