"""Tables and media in, a data folder out."""

from tfmmrec.config.packing import PackOptions
from tfmmrec.data.packing.pack import pack

__all__ = ["PackOptions", "pack"]
