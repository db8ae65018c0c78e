"""Readers of users, one file a kind."""

from tfmmrec.query.base import READERS
from tfmmrec.query.mean import MeanReader

__all__ = ["READERS", "MeanReader"]
