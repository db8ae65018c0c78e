"""Tables and media in, a data folder out."""

from tfmmrec.packing.data_folder import pack
from tfmmrec.packing.options import PackOptions

__all__ = ["PackOptions", "pack"]
