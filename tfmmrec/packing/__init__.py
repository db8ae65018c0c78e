"""Tables and media in, a data folder out."""

from tfmmrec.packing.options import PackOptions
from tfmmrec.packing.pack import pack

__all__ = ["PackOptions", "pack"]
