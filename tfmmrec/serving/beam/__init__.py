"""Batch recommendation with Apache Beam. No other package of tfmmrec imports it."""

from tfmmrec.serving.beam.recommend import recommend_on_beam

__all__ = ["recommend_on_beam"]
