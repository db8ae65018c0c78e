"""Fusion of the modalities of an item: one file per kind."""

from tfmmrec.layers.fusion.base import FUSIONS, Fusion
from tfmmrec.layers.fusion.bilinear import BilinearFusion
from tfmmrec.layers.fusion.concat import ConcatFusion
from tfmmrec.layers.fusion.gated import GatedFusion
from tfmmrec.layers.fusion.late import LateFusion
from tfmmrec.layers.fusion.transformer import TransformerFusion
from tfmmrec.layers.fusion.weighted import WeightedFusion

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
