"""Encoding with Apache Beam. No other package of tfmmrec imports it."""

from tfmmrec.encoders.beam.encode import encode_on_beam

__all__ = ["encode_on_beam"]
