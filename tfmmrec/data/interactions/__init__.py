"""The log of who chose what: read, brought into order, split."""

from tfmmrec.data.interactions.events import (
    SPLITS,
    Interactions,
    by_user_blocks,
    concatenate,
    in_order,
)
from tfmmrec.data.interactions.parsing import to_id, to_milliseconds
from tfmmrec.data.interactions.reader import read_interactions
from tfmmrec.data.interactions.splits import LEAST_POSITIVES, Splitter, create_splitter, divide

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
