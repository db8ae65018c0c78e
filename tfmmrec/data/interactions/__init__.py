"""The interaction log: read, sorted and split."""

from tfmmrec.data.interactions.events import (
    SPLITS,
    Interactions,
    by_user_blocks,
    concatenate,
    in_order,
)
from tfmmrec.data.interactions.parsing import to_id, to_milliseconds
from tfmmrec.data.interactions.reader import read_interactions
from tfmmrec.data.interactions.splits import MIN_POSITIVES, Splitter, create_splitter, split_events

__all__ = [
    "MIN_POSITIVES",
    "SPLITS",
    "Interactions",
    "Splitter",
    "by_user_blocks",
    "concatenate",
    "create_splitter",
    "in_order",
    "read_interactions",
    "split_events",
    "to_id",
    "to_milliseconds",
]
