"""The log of who chose what: read, brought into order, split."""

from tfmmrec.interactions.events import (
    SPLITS,
    Interactions,
    by_user_blocks,
    concatenate,
    in_order,
)
from tfmmrec.interactions.reading import read_interactions
from tfmmrec.interactions.splitting import LEAST_POSITIVES, Splitter, create_splitter, divide
from tfmmrec.interactions.values import to_id, to_milliseconds

__all__ = [
    "LEAST_POSITIVES",
    "SPLITS",
    "Interactions",
    "Splitter",
    "by_user_blocks",
    "concatenate",
    "create_splitter",
    "divide",
    "in_order",
    "read_interactions",
    "to_id",
    "to_milliseconds",
]
