"""Packing as an Apache Beam pipeline; nothing else in tfmmrec imports Beam."""

from tfmmrec.data.packing.beam.job import BeamOptions
from tfmmrec.data.packing.beam.pipeline import pack_on_beam

__all__ = ["BeamOptions", "pack_on_beam"]
