"""How to pack."""

import dataclasses

from tfmmrec.config.checks import check_between, check_count
from tfmmrec.config.known_fields import known_fields


@known_fields
@dataclasses.dataclass(frozen=True)
class PackConfig:
    """How to pack.

    Attributes:
        max_rejects: the share, from 0 to 1, of the rows of a table that may be rejected, and of its
            rows in which a feature may have a rejected value; unless it is 0, one of each may be.
        seed: of the random split and of the choice of cold items and users.
        shard_bytes: a shard is closed once its records hold so many bytes.
        gzip: whether to compress the shards, which makes text smaller and reading slower.
        quiet: no progress bars.
    """

    max_rejects: float = 0.05
    seed: int = 0
    shard_bytes: int = 128_000_000
    gzip: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        check_between("max_rejects", self.max_rejects, 0, 1)
        check_count("shard_bytes", self.shard_bytes, 1)
