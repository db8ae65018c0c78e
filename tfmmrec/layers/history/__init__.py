"""History encoders: one file per kind."""

from tfmmrec.layers.history.base import (
    HISTORY_ENCODERS,
    CausalHistoryEncoder,
    HistoryEncoder,
    HistoryItems,
)
from tfmmrec.layers.history.gru import GruHistoryEncoder
from tfmmrec.layers.history.mean import MeanHistoryEncoder
from tfmmrec.layers.history.transformer import TransformerHistoryEncoder
from tfmmrec.layers.history.user_id import UserIdEncoder

__all__ = [
    "HISTORY_ENCODERS",
    "CausalHistoryEncoder",
    "GruHistoryEncoder",
    "HistoryEncoder",
    "HistoryItems",
    "MeanHistoryEncoder",
    "TransformerHistoryEncoder",
    "UserIdEncoder",
]
