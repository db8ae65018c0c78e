"""Tables and media in, a data folder out."""

from tfmmrec.data.packing.pack import pack

__all__ = ["pack"]
