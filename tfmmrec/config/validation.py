"""The key `validation` of the training file: what the model is evaluated on after each epoch."""

import dataclasses

from tfmmrec.config.checks import check_count
from tfmmrec.config.known_fields import known_fields


@known_fields
@dataclasses.dataclass(frozen=True)
class ValidationConfig:
    """What the model is evaluated on after each epoch of a training.

    Attributes:
        max_users: the maximum number of users of the valid split. If there are more, so many are
            drawn once by `seed`: the same in each epoch, in each candidate of `query: {kind: auto}`
            and in a resumed training. Without a valid split, the last events of so many users are
            held out. `tfmmrec evaluate` always takes all users (default 10000).
    """

    max_users: int = 10_000

    def __post_init__(self) -> None:
        check_count("max_users", self.max_users, 1)
