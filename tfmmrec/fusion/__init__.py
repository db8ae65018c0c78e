"""Fusion of an item's modalities, one file a kind."""

from tfmmrec.fusion.base import FUSIONS, Fusion
from tfmmrec.fusion.bilinear import BilinearFusion
from tfmmrec.fusion.concat import ConcatFusion
from tfmmrec.fusion.gated import GatedFusion
from tfmmrec.fusion.late import LateFusion
from tfmmrec.fusion.transformer import TransformerFusion
from tfmmrec.fusion.weighted import WeightedFusion

__all__ = [
    "FUSIONS",
    "BilinearFusion",
    "ConcatFusion",
    "Fusion",
    "GatedFusion",
    "LateFusion",
    "TransformerFusion",
    "WeightedFusion",
]
