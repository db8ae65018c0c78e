"""Fusion of an item's modalities, one file a kind."""

from tfmmrec.fusion.base import FUSIONS, Fusion
from tfmmrec.fusion.concat import ConcatFusion
from tfmmrec.fusion.late import LateFusion
from tfmmrec.fusion.weighted import WeightedFusion

__all__ = ["FUSIONS", "ConcatFusion", "Fusion", "LateFusion", "WeightedFusion"]
