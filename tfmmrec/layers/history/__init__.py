"""Readers of users, one file a kind."""

from tfmmrec.layers.history.base import READERS, CausalReader, Reader
from tfmmrec.layers.history.gru import GruReader
from tfmmrec.layers.history.mean import MeanReader
from tfmmrec.layers.history.transformer import TransformerReader
from tfmmrec.layers.history.user_id import IdReader

__all__ = [
    "READERS",
    "CausalReader",
    "GruReader",
    "IdReader",
    "MeanReader",
    "Reader",
    "TransformerReader",
]
