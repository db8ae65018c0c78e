"""The interaction log: read, sorted and split.

The reader of tables is imported from its own module: it loads Arrow, which only packing needs.
"""

from tfmmrec.data.interactions.events import (
    SPLITS,
    Interactions,
    by_user_blocks,
    concatenate,
    in_order,
)
from tfmmrec.data.interactions.kinds import EventKinds
from tfmmrec.data.interactions.parsing import to_id
from tfmmrec.data.interactions.splits import MIN_POSITIVES, Splitter, create_splitter, split_events

__all__ = [
    "MIN_POSITIVES",
    "SPLITS",
    "EventKinds",
    "Interactions",
    "Splitter",
    "by_user_blocks",
    "concatenate",
    "create_splitter",
    "in_order",
    "split_events",
    "to_id",
]
