"""Readers of users, one file a kind."""

from tfmmrec.query.base import AUTO, READERS, CausalReader, Reader
from tfmmrec.query.gru import GruReader
from tfmmrec.query.identity import IdReader
from tfmmrec.query.mean import MeanReader
from tfmmrec.query.transformer import TransformerReader

__all__ = [
    "AUTO",
    "READERS",
    "CausalReader",
    "GruReader",
    "IdReader",
    "MeanReader",
    "Reader",
    "TransformerReader",
]
