"""The modalities, one file each: importing a file registers its modality."""

from tfmmrec.modalities.audio import Audio
from tfmmrec.modalities.base import MODALITIES, Modality, SearchOption, search_options
from tfmmrec.modalities.categorical import Categorical
from tfmmrec.modalities.create import create
from tfmmrec.modalities.image import Image
from tfmmrec.modalities.multi_valued import MultiValued
from tfmmrec.modalities.number import Number
from tfmmrec.modalities.text import Text
from tfmmrec.modalities.vector import Vector
from tfmmrec.modalities.video import Video

__all__ = [
    "MODALITIES",
    "Audio",
    "Categorical",
    "Image",
    "Modality",
    "MultiValued",
    "Number",
    "SearchOption",
    "Text",
    "Vector",
    "Video",
    "create",
    "search_options",
]
