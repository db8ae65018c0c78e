"""Packing: converts tables and media to a data folder of TFRecords."""

from tfmmrec.data.packing.pack import pack

__all__ = ["pack"]
