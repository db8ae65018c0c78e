"""Packing with Apache Beam. No other package of tfmmrec imports Beam."""

from tfmmrec.data.packing.beam.job import BeamOptions
from tfmmrec.data.packing.beam.pipeline import pack_on_beam

__all__ = ["BeamOptions", "pack_on_beam"]
