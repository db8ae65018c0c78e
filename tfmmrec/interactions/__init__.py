"""The log of who chose what: read, brought into order, split."""

from tfmmrec.interactions.events import SPLITS, Interactions, concatenate, in_order
from tfmmrec.interactions.reading import read_interactions
from tfmmrec.interactions.splitting import Splitter, create_splitter
from tfmmrec.interactions.values import to_id, to_milliseconds

__all__ = [
    "SPLITS",
    "Interactions",
    "Splitter",
    "concatenate",
    "create_splitter",
    "in_order",
    "read_interactions",
    "to_id",
    "to_milliseconds",
]
