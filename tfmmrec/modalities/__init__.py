"""The modalities, one file each."""

from tfmmrec.modalities.audio import Audio
from tfmmrec.modalities.base import MODALITIES, Modality, create
from tfmmrec.modalities.categorical import Categorical
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
    "Text",
    "Vector",
    "Video",
    "create",
]
